-- What an address stands for: the record of its domain, and the first account
-- or alias among the names it may have (itself, then without its detail).

local function lookup(keys, args)
  local base = keys[1]
  local record = redis.call('HGET', base .. ':domains', args[1])
  if not record then
    return false
  end
  for index = 2, #args do
    local account = account_by_name(base, args[index])
    if account then
      return { record, index - 2, 'account', account }
    end
    local found = alias_by_name(base, args[index])
    if found then
      return { record, index - 2, 'alias', { found } }
    end
  end
  return { record, 0, 'unknown', {} }
end

reads('directory_lookup', lookup)
