// What nearly every source includes, parsed once for each module (GANTRY_PRECOMPILE). Sources still include
// what they use: the debug preset builds without this.
#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "base/text.h"
#include "base/time.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
