-- Numbers are doubles here, exact up to 2^53; `..` would print the large ones
-- with an exponent.
local function integer(number)
  return string.format('%d', number)
end
