-- Whether the store may have lost what it once answered. Its epoch rises
-- then, and every account's next numbers jump, so that none is given twice.
--   m:{index}:standing  hash  epoch; the epoch that an operator has confirmed;
--                             cause: why it rose;
--                             known: until when the copy knows what was answered;
--                             away, back: when nobody used the store;
--                             replid: the history of the primary last seen;
--                             fence: a time that is raised now and then
-- A copy promoted to primary names the history it continues. A backup put in
-- place does not, but its fence is lower than the one that processes remember.

local FENCE_INTERVAL = 10 * 1000000

local FIELDS = { 'epoch', 'confirmed', 'known', 'away', 'back', 'fence' }

local function standing_of(base)
  local values = redis.call('HMGET', base .. ':standing', 'replid', 'cause', unpack(FIELDS))
  local standing = { replid = values[1] or '', cause = values[2] or '' }
  for index, field in ipairs(FIELDS) do
    standing[field] = tonumber(values[index + 2] or '0')
  end
  return standing
end

local function told(base)
  local standing = standing_of(base)
  local numbers = {}
  for index, field in ipairs(FIELDS) do
    numbers[index] = integer(standing[field])
  end
  return { standing.cause, numbers }
end

local function raise(base, epoch, cause, known)
  redis.call('HSET', base .. ':standing', 'epoch', integer(epoch), 'cause', cause,
    'known', integer(known))
end

local function raise_epoch(keys, args)
  local standing = standing_of(keys[1])
  raise(keys[1], standing.epoch + 1, args[1], standing.away)
  return told(keys[1])
end

local function confirm_epoch(keys, args)
  local key, standing = keys[1] .. ':standing', standing_of(keys[1])
  local confirmed = math.max(standing.confirmed, math.min(tonumber(args[1]), standing.epoch))
  redis.call('HSET', key, 'confirmed', integer(confirmed))
  if confirmed == standing.epoch then
    redis.call('HDEL', key, 'away', 'back')
  end
  return told(keys[1])
end

-- Told the history of the primary, the one it continues, the fence and the epoch
-- that the process remembers, and what counts as an absence. An epoch of before is
-- passed by: its numbers may have been given from this very copy.
local function witness(keys, args)
  local key, standing, time = keys[1] .. ':standing', standing_of(keys[1]), now('')
  local replid, continued = args[1], args[2]
  local remembered, epoch, absence = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  local forgot = standing.fence < remembered
  local promoted = standing.replid ~= '' and replid ~= standing.replid
    and continued == standing.replid
  if promoted or forgot then
    raise(keys[1], math.max(standing.epoch, epoch) + 1, promoted and 'promoted' or 'restored',
      standing.fence)
  elseif remembered == 0 and time - standing.fence > absence then
    redis.call('HSET', key, 'away', integer(standing.fence), 'back', integer(time))
  end
  if replid ~= standing.replid then
    redis.call('HSET', key, 'replid', replid)
  end
  if forgot or time - standing.fence > FENCE_INTERVAL then
    redis.call('HSET', key, 'fence', integer(math.max(time, remembered)))
  end
  return told(keys[1])
end

removes('mailbox_raise_epoch', raise_epoch)
removes('mailbox_confirm_epoch', confirm_epoch)
removes('mailbox_witness', witness)
