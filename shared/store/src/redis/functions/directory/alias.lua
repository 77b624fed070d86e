-- Aliases.
--   :aliases      hash  name -> record, which only the adapter reads
--   :alias-names  zset  names, all with score 0 and therefore in order

local function alias_by_name(base, name)
  return redis.call('HGET', base .. ':aliases', name)
end

local function add_alias(keys, args)
  local base, domain, name, record = keys[1], args[1], args[2], args[3]
  if not is_domain(base, domain) then
    return 'no domain'
  end
  local there = alias_by_name(base, name)
  if there then
    return there == record and 'done' or 'exists'
  end
  if account_id(base, name) then
    return 'exists'
  end
  redis.call('HSET', base .. ':aliases', name, record)
  redis.call('ZADD', base .. ':alias-names', 0, name)
  return 'done'
end

local function remove_alias(keys, args)
  local base, name = keys[1], args[1]
  if redis.call('HDEL', base .. ':aliases', name) == 0 then
    return 'missing'
  end
  redis.call('ZREM', base .. ':alias-names', name)
  return 'done'
end

local function alias(keys, args)
  return alias_by_name(keys[1], args[1])
end

local function list_aliases(keys, args)
  local page = page_of_names(keys[1] .. ':alias-names', args[1], args[2])
  for index, name in ipairs(page) do
    page[index] = alias_by_name(keys[1], name)
  end
  return page
end

edits('directory_add_alias', telling(add_alias))
removes('directory_remove_alias', telling(remove_alias))
reads('directory_alias', alias)
reads('directory_aliases', list_aliases)
