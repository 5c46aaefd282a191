// doctest prints values through operator<<, which needs <ostream> first.
#pragma once

#include <ostream>

#include <doctest/doctest.h>
