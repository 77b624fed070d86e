-- Accounts. What their keys begin with is called `base` here.
--   :account  hash  the last modification sequence, UIDVALIDITY, mailbox id and
--                   shelf given; how often the tree of mailboxes changed; the
--                   store's epoch that its numbers are good for; whether removed
--   :usage    hash  octets and messages; apart, for who may see no more than that

local ACCOUNT_FIELDS = { 'modseq', 'validity', 'mailbox', 'shelf', 'tree', 'epoch', 'removed' }

-- Reads numbers of a record from the values of its fields, the first `skipped` of
-- which are others, and keeps what they were.
local function read_numbers(record, fields, values, skipped)
  local was = {}
  for index, field in ipairs(fields) do
    local value = values[index + skipped]
    record[field] = tonumber(value or '0')
    was[index] = value and record[field]
  end
  record.was = was
end

-- Writes those of its numbers that are not what they were.
local function write_numbers(key, record, fields)
  local was, changed = record.was or {}, {}
  for index, field in ipairs(fields) do
    if record[field] ~= was[index] then
      changed[#changed + 1] = field
      changed[#changed + 1] = integer(record[field])
    end
  end
  if #changed > 0 then
    redis.call('HSET', key, unpack(changed))
  end
end

local function load_account(base)
  local values = redis.call('HMGET', base .. ':account', unpack(ACCOUNT_FIELDS))
  local account = { usage = {} }
  read_numbers(account, ACCOUNT_FIELDS, values, 0)
  local usage = redis.call('HMGET', base .. ':usage', 'octets', 'messages')
  account.usage.octets = tonumber(usage[1] or '0')
  account.usage.messages = tonumber(usage[2] or '0')
  return account
end

local function save_account(base, account)
  write_numbers(base .. ':account', account, ACCOUNT_FIELDS)
  redis.call('HSET', base .. ':usage', 'octets', integer(account.usage.octets),
    'messages', integer(account.usage.messages))
end

-- One series for the account: it orders changes across mailboxes too.
local function next_modseq(account)
  account.modseq = account.modseq + 1
  return account.modseq
end

-- The time in seconds, or more where that was given already: never the same
-- twice, even if the clock is set back (RFC 9051 section 2.3.1.1).
local function next_validity(account, time)
  account.validity = math.max(math.floor(time / 1000000), account.validity + 1)
  return account.validity
end

-- Whether the account has its mailboxes, and numbers of this epoch.
local function is_open(base, epoch)
  local known = redis.call('HGET', base .. ':account', 'epoch')
  return known and tonumber(known) >= tonumber(epoch)
end

-- A function that finds nothing in an account that was never opened.
local function on_account(work)
  return function(keys, args)
    return work(keys[1], args)
  end
end

-- A function of an account: it is given the epoch before all else, and answers
-- UNKNOWN when the account is to be opened first.
local function in_account(work)
  return function(keys, args)
    if not is_open(keys[1], args[1]) then
      return redis.error_reply('UNKNOWN the account is to be opened first')
    end
    table.remove(args, 1)
    return work(keys[1], args)
  end
end

local function usage(keys)
  return redis.call('HMGET', keys[1] .. ':usage', 'octets', 'messages')
end

reads('mailbox_usage', usage)
