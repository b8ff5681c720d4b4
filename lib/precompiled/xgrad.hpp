// What nearly every file of the library includes, parsed once for all of them. Each file includes what it
// needs all the same: -Db_pch=false does without this one.
#include <algorithm>
#include <cmath>

#include "xgrad/core/tape.hpp"
