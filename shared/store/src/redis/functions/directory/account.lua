-- Accounts.
--   :accounts       hash  name -> id
--   :account-names  zset  names, all with score 0 and therefore in order
--   :account:<id>   hash  address, password, and where there are such, a quota (of
--                         octets) and a message_quota

local function account_key(base, id)
  return base .. ':account:' .. id
end

local function account_id(base, name)
  return redis.call('HGET', base .. ':accounts', name)
end

-- Its id, address, password and quotas; the empty string for one that is not set.
local function account_by_id(base, id)
  local fields = redis.call('HMGET', account_key(base, id), 'address', 'password', 'quota',
    'message_quota')
  if not fields[1] then
    return false
  end
  return { id, fields[1], fields[2], fields[3] or '', fields[4] or '' }
end

local function account_by_name(base, name)
  local id = account_id(base, name)
  return id and account_by_id(base, id)
end

local function write_limit(key, field, limit)
  if limit == '' then
    redis.call('HDEL', key, field)
  else
    redis.call('HSET', key, field, limit)
  end
end

local function write_quota(key, octets, messages)
  write_limit(key, 'quota', octets)
  write_limit(key, 'message_quota', messages)
end

local function is_same_account(account, id, password, octets, messages)
  return account[1] == id and account[3] == password
    and account[4] == octets and account[5] == messages
end

local function add_account(keys, args)
  local base, domain, name = keys[1], args[1], args[2]
  local id, address, password, octets, messages = args[3], args[4], args[5], args[6], args[7]
  if not is_domain(base, domain) then
    return 'no domain'
  end
  local there = account_by_name(base, name)
  if there then
    return is_same_account(there, id, password, octets, messages) and 'done' or 'exists'
  end
  if redis.call('HEXISTS', base .. ':aliases', name) == 1 then
    return 'exists'
  end
  local key = account_key(base, id)
  if redis.call('EXISTS', key) == 1 then
    return 'id exists'
  end
  redis.call('HSET', base .. ':accounts', name, id)
  redis.call('ZADD', base .. ':account-names', 0, name)
  redis.call('HSET', key, 'address', address, 'password', password)
  write_quota(key, octets, messages)
  return 'done'
end

local function set_password(keys, args)
  local id = account_id(keys[1], args[1])
  if not id then
    return 'missing'
  end
  redis.call('HSET', account_key(keys[1], id), 'password', args[2])
  return 'done'
end

local function set_quota(keys, args)
  local id = account_id(keys[1], args[1])
  if not id then
    return 'missing'
  end
  write_quota(account_key(keys[1], id), args[2], args[3])
  return 'done'
end

-- Returns what is removed.
local function remove_account(keys, args)
  local base, name = keys[1], args[1]
  local account = account_by_name(base, name)
  if account then
    redis.call('HDEL', base .. ':accounts', name)
    redis.call('ZREM', base .. ':account-names', name)
    redis.call('DEL', account_key(base, account[1]))
  end
  return account
end

local function account(keys, args)
  return account_by_id(keys[1], args[1])
end

local function account_at(keys, args)
  return account_by_name(keys[1], args[1])
end

local function list_accounts(keys, args)
  local page = page_of_names(keys[1] .. ':account-names', args[1], args[2])
  for index, name in ipairs(page) do
    page[index] = account_by_name(keys[1], name)
  end
  return page
end

edits('directory_add_account', telling(add_account))
edits('directory_set_password', telling(set_password))
edits('directory_set_quota', telling(set_quota))
removes('directory_remove_account', telling(remove_account))
reads('directory_account', account)
reads('directory_account_at', account_at)
reads('directory_accounts', list_accounts)
