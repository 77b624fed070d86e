-- Names in order. An address is named by its domain, a NUL and its folded local
-- part, so that addresses are in the order of domains first.

local function page_of_names(index, after, limit)
  local from = after == '' and '-' or '(' .. after
  return redis.call('ZRANGEBYLEX', index, from, '+', 'LIMIT', 0, limit)
end

-- Whether an index of addresses has one of that domain.
local function has_names(index, domain)
  local found = redis.call('ZRANGEBYLEX', index, '[' .. domain .. '\0', '(' .. domain .. '\1',
    'LIMIT', 0, 1)
  return #found > 0
end
