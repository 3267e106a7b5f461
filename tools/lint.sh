#!/usr/bin/env bash
# lint.sh [--tidy [PATTERN]]   includes, seams and formatting over the whole tree; exit 1 on a finding.
#   --tidy:   also clang-tidy over the sources of src/ whose path matches PATTERN (default: all), with build/clang's compile commands
set -u
cd "$(dirname "$0")/.."
tidy= pattern=.
while [ $# -gt 0 ]; do
  case $1 in
    --tidy) tidy=1; case ${2:---} in --*) ;; *) pattern=$2; shift ;; esac ;;
    *) echo "usage: tools/lint.sh [--tidy [PATTERN]]" >&2; exit 2 ;;
  esac
  shift
done
failed=0
tools/check-includes.py || failed=1
tools/check-seams.py || failed=1

command -v clang-format-16 >/dev/null || { echo "clang-format-16 is missing: tools/install-deps.sh lint" >&2; exit 1; }
mapfile -t files < <(find apps bench src tests tools -name '*.h' -o -name '*.cc' | sort)
if clang-format-16 --dry-run -Werror "${files[@]}" 2>&1 | grep error:; then
  echo "not formatted: clang-format-16 -i FILE"
  failed=1
fi
echo "clang-format: ${#files[@]} files checked"

if [ -n "$tidy" ]; then
  [ -f build/clang/compile_commands.json ] || cmake --preset clang >/dev/null || exit 1
  mapfile -t sources < <(git ls-files 'src/*.cc' | grep -Ev '_(test|bench|fuzz)\.cc$' | grep -E -- "$pattern")
  findings=0
  for source in "${sources[@]}"; do
    clang-tidy-16 --quiet -p build/clang "$source" 2>/dev/null || findings=$((findings + 1))
  done
  echo "clang-tidy: ${#sources[@]} files checked, $findings with findings"
  [ "$findings" -eq 0 ] || failed=1
fi
exit $failed
