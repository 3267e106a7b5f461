#include "agent/notice.h"

#include <sstream>

namespace nezu::agent {

Told told_by(const Notice& notice, const std::string& node) {
  bool here = false, elsewhere = false;
  std::istringstream nodes(notice.nodes);
  for (std::string name; nodes >> name;) (name == node ? here : elsewhere) = true;
  if (notice.type == "post" && (notice.operation == "stop" || notice.operation == "demote")) return elsewhere ? Told::done : Told::nothing;
  if (notice.type == "pre" && notice.operation == "promote") return here || node.empty() ? Told::done_yet : Told::nothing;
  return Told::nothing;
}

}  // namespace nezu::agent
