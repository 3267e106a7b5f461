# cmake --install: programs, resource agents, man pages, completions, systemd units, examples, documents. What a folder doesn't have yet isn't installed.
include(GNUInstallDirs)

foreach(program nezu-probe nezu-manager nezuctl nezu-filter)
  if(TARGET ${program})
    if(program STREQUAL "nezu-filter")
      # A helper that nezu-probe starts, not a command for people.
      install(TARGETS ${program} RUNTIME DESTINATION lib/nezuban)
    else()
      install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
  endif()
endforeach()

# The cluster's resource agents: one program under two names, by links that stay right wherever the prefix is.
if(TARGET nezu-agent)
  install(TARGETS nezu-agent RUNTIME DESTINATION lib/nezuban)
  install(CODE "
    set(agents \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/ocf/resource.d/nezuban\")
    file(MAKE_DIRECTORY \"\${agents}\")
    foreach(agent probe manager)
      file(CREATE_LINK ../../../nezuban/nezu-agent \"\${agents}/\${agent}\" SYMBOLIC)
    endforeach()")
endif()

# man/NAME.SECTION, man/ja/NAME.SECTION
foreach(language "" ja)
  file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/man/${language}/*.[1-8]")
  foreach(page ${pages})
    string(REGEX MATCH "[1-8]$" section "${page}")
    install(FILES "${page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/${language}/man${section}")
  endforeach()
endforeach()

set(units "${PROJECT_SOURCE_DIR}/packaging/systemd")
install(FILES "${units}/nezu-manager.service" "${units}/nezu-probe@.service" DESTINATION lib/systemd/system)
install(FILES "${units}/nezuban.sysusers.conf" DESTINATION lib/sysusers.d RENAME nezuban.conf)
install(FILES "${units}/nezuban.tmpfiles.conf" DESTINATION lib/tmpfiles.d RENAME nezuban.conf)

install(FILES "${PROJECT_SOURCE_DIR}/packaging/logrotate.conf" DESTINATION "${CMAKE_INSTALL_SYSCONFDIR}/logrotate.d" RENAME nezuban)

# completions/nezuctl.bash, .zsh, .fish: also what "nezuctl completion" prints, where the folder is there.
foreach(completion "nezuctl.bash:share/bash-completion/completions:nezuctl" "nezuctl.zsh:share/zsh/site-functions:_nezuctl"
        "nezuctl.fish:share/fish/vendor_completions.d:nezuctl.fish")
  string(REPLACE ":" ";" parts "${completion}")
  list(GET parts 0 file)
  list(GET parts 1 folder)
  list(GET parts 2 name)
  if(EXISTS "${PROJECT_SOURCE_DIR}/completions/${file}")
    install(FILES "${PROJECT_SOURCE_DIR}/completions/${file}" DESTINATION "${folder}" RENAME "${name}")
  endif()
endforeach()

if(EXISTS "${PROJECT_SOURCE_DIR}/examples")
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples/" DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples")
endif()
install(FILES "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/README.ja.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cluster/" DESTINATION "${CMAKE_INSTALL_DOCDIR}/cluster" USE_SOURCE_PERMISSIONS)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/" DESTINATION "${CMAKE_INSTALL_DOCDIR}/docs")
