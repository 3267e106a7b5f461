#include "agent/meta_data.h"

#include <fmt/core.h>

#include <vector>

#include "agent/defaults.h"

namespace nezu::agent {
namespace {

struct Parameter {
  const char* name;
  const char* content;  // a type of OCF 1.1
  std::string otherwise;
  bool unique, reloadable;
  const char* brief;
  const char* text;
};

std::vector<Parameter> parameters_of(Kind kind) {
  std::vector<Parameter> list = {
      {"config", "string", default_config(kind), true, false, "configuration file",
       "The daemon's configuration (YAML). The agent reads from it where the daemon can be asked."},
      {"binary", "string", "", false, false, "program", "The daemon's program. Empty: the one that was installed with the agent."},
      {"user", "string", kDefaultUser, false, false, "user",
       "The user that the daemon runs as. A probe keeps the right to capture packets, and no other."},
      {"log", "string", "", false, false, "log file",
       "Where the daemon's messages are appended. Empty: /var/log/nezuban/RESOURCE.log. Made where it isn't there."},
      {"long_poll", "time", kDefaultLongPoll, false, true, "how long a check may wait for the daemon's end",
       "A recurring monitor of depth 0 waits so long for the daemon's end, and reports it in the instant when it happens. 0: a check looks "
       "and returns at once. Half of the operation's timeout at most."},
      {"check_timeout", "time", kDefaultCheck, false, true, "how long the daemon may take to answer",
       "A daemon that doesn't answer within so long hangs; the check fails, and the daemon is killed when it is to be stopped."},
      {"stop_timeout", "time", kDefaultStop, false, true, "how long an orderly end may take",
       "An orderly end delivers what is open. After so long the daemon is killed."},
  };
  if (kind == Kind::probe) {
    list.push_back({"isolation_timeout", "time", kDefaultIsolation, false, true, "when an active probe without the manager gives way",
                    "An active probe that can't reach the manager keeps its promotion score for so long; then the role moves to a standby "
                    "that can reach it, if there is one. Warm pairs only."});
  }
  return list;
}

std::string xml_of(const Parameter& p) {
  return fmt::format(
      "<parameter name=\"{}\" unique=\"{}\" required=\"0\"{}>\n<longdesc lang=\"en\">{}</longdesc>\n"
      "<shortdesc lang=\"en\">{}</shortdesc>\n<content type=\"{}\" default=\"{}\"/>\n</parameter>\n",
      p.name, p.unique ? 1 : 0, p.reloadable ? " reloadable=\"1\"" : "", p.text, p.brief, p.content, p.otherwise);
}

// The DTD that Debian has is that of OCF 1.0; what 1.1 has added is declared here, so that a strict reader takes it as well.
const char* const kSince11 = R"(<!ATTLIST parameter reloadable (1|0) "0">
<!ATTLIST action name (start|stop|recover|monitor|restart|migrate_to|migrate_from|promote|demote|notify|status|reload|reload-agent|meta-data|usage|methods|validate-all) #REQUIRED>
)";

// Promote and demote are said of the probe only: the manager has nothing that could be promoted. Two monitors of a promotable clone
// need different intervals; between two that wait for the daemon's end nobody looks, so
// where it matters the pause is short.
const char* const kProbeActions = R"(<action name="start" timeout="30s"/>
<action name="stop" timeout="30s"/>
<action name="monitor" timeout="20s" interval="1s" depth="0"/>
<action name="monitor" timeout="20s" interval="200ms" depth="0" role="Promoted"/>
<action name="monitor" timeout="20s" interval="10s" depth="10"/>
<action name="monitor" timeout="20s" interval="11s" depth="10" role="Promoted"/>
<action name="promote" timeout="20s"/>
<action name="demote" timeout="20s"/>
<action name="notify" timeout="10s"/>
)";
const char* const kManagerActions = R"(<action name="start" timeout="60s"/>
<action name="stop" timeout="40s"/>
<action name="monitor" timeout="20s" interval="1s" depth="0"/>
<action name="monitor" timeout="20s" interval="10s" depth="10"/>
<action name="notify" timeout="10s"/>
)";
const char* const kCommonActions = R"(<action name="reload" timeout="10s"/>
<action name="reload-agent" timeout="10s"/>
<action name="validate-all" timeout="10s"/>
<action name="meta-data" timeout="5s"/>
)";

}  // namespace

std::string meta_data(Kind kind) {
  const bool probe = kind == Kind::probe;
  std::string xml = fmt::format(
      "<?xml version=\"1.0\"?>\n<!DOCTYPE resource-agent SYSTEM \"ra-api-1.dtd\" [\n{}]>\n"
      "<resource-agent name=\"{}\" version=\"{}\">\n<version>1.1</version>\n<longdesc lang=\"en\">{}</longdesc>\n"
      "<shortdesc lang=\"en\">{}</shortdesc>\n<parameters>\n",
      kSince11, probe ? "probe" : "manager", NEZU_VERSION,
      probe ? "One logical probe of Nezuban: measures web services at a mirror port and delivers to the manager.\nCold standby: a "
              "primitive. Warm standby (\"standby: warm\" in the configuration): a promotable clone; the instance that isn't promoted "
              "measures too, and sends nothing until it takes over."
            : "The manager of Nezuban: owns definitions and history, admits probes, serves the API. Its database lies on a volume that "
              "moves with it.",
      probe ? "Nezuban probe" : "Nezuban manager");
  for (const Parameter& p : parameters_of(kind)) xml += xml_of(p);
  xml += std::string("</parameters>\n<actions>\n") + (probe ? kProbeActions : kManagerActions) + kCommonActions +
         "</actions>\n</resource-agent>\n";
  return xml;
}

}  // namespace nezu::agent
