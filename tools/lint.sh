#!/usr/bin/env bash
# lint.sh [--format] [--tidy [PATTERN]]   includes and seams over the whole tree; exit 1 on a finding.
#   --format: also whether clang-format-16 would change a file
#   --tidy:   also clang-tidy over the sources of src/ whose path matches PATTERN (default: all), with build/clang's compile commands
set -u
cd "$(dirname "$0")/.."
format= tidy= pattern=.
while [ $# -gt 0 ]; do
  case $1 in
    --format) format=1 ;;
    --tidy) tidy=1; case ${2:---} in --*) ;; *) pattern=$2; shift ;; esac ;;
    *) echo "usage: tools/lint.sh [--format] [--tidy [PATTERN]]" >&2; exit 2 ;;
  esac
  shift
done
failed=0
tools/check-includes.py || failed=1
tools/check-seams.py || failed=1

if [ -n "$format" ]; then
  command -v clang-format-16 >/dev/null || { echo "clang-format-16 is missing: tools/install-deps.sh lint" >&2; exit 1; }
  mapfile -t files < <(git ls-files 'src/*.h' 'src/*.cc' 'apps/*.h' 'apps/*.cc' 'tests/*.cc' 'bench/*.cc')
  findings=0
  for file in "${files[@]}"; do
    clang-format-16 --dry-run -Werror "$file" >/dev/null 2>&1 || { echo "$file: not formatted: clang-format-16 -i $file"; findings=$((findings + 1)); }
  done
  echo "clang-format: ${#files[@]} files checked, $findings findings"
  [ "$findings" -eq 0 ] || failed=1
fi

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
