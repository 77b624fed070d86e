-- Domains.
--   :domains        hash  name -> record, which only the adapter reads
--   :domain-names   zset  names, all with score 0 and therefore in order
--   :domain-order   zset  names by when they were added; the first is the primary
--   :domains-added  how many ever were

local function is_domain(base, name)
  return redis.call('HEXISTS', base .. ':domains', name) == 1
end

local function add_domain(keys, args)
  local base, name, record = keys[1], args[1], args[2]
  local there = redis.call('HGET', base .. ':domains', name)
  if there then
    return there == record and 'done' or 'exists'
  end
  local order = redis.call('INCR', base .. ':domains-added')
  redis.call('HSET', base .. ':domains', name, record)
  redis.call('ZADD', base .. ':domain-names', 0, name)
  redis.call('ZADD', base .. ':domain-order', order, name)
  return 'done'
end

local function update_domain(keys, args)
  local base, name, record = keys[1], args[1], args[2]
  if not is_domain(base, name) then
    return 'missing'
  end
  redis.call('HSET', base .. ':domains', name, record)
  return 'done'
end

local function remove_domain(keys, args)
  local base, name = keys[1], args[1]
  if not is_domain(base, name) then
    return 'missing'
  end
  if has_names(base .. ':account-names', name) or has_names(base .. ':alias-names', name) then
    return 'in use'
  end
  redis.call('HDEL', base .. ':domains', name)
  redis.call('ZREM', base .. ':domain-names', name)
  redis.call('ZREM', base .. ':domain-order', name)
  return 'done'
end

local function domain(keys, args)
  return redis.call('HGET', keys[1] .. ':domains', args[1])
end

local function primary_domain(keys)
  local first = redis.call('ZRANGE', keys[1] .. ':domain-order', 0, 0)[1]
  return first and redis.call('HGET', keys[1] .. ':domains', first)
end

local function list_domains(keys, args)
  local page = page_of_names(keys[1] .. ':domain-names', args[1], args[2])
  for index, name in ipairs(page) do
    page[index] = redis.call('HGET', keys[1] .. ':domains', name)
  end
  return page
end

edits('directory_add_domain', telling(add_domain))
edits('directory_update_domain', telling(update_domain))
removes('directory_remove_domain', telling(remove_domain))
reads('directory_domain', domain)
reads('directory_primary_domain', primary_domain)
reads('directory_domains', list_domains)
