-- Whether the store may have lost what it once answered. Its epoch rises
-- then, and every account's next numbers jump, so that none is given twice.
--   m:{index}:standing  hash  epoch; the epoch that an operator has confirmed;
--                             replid: the history of the primary last seen;
--                             fence: a time that is raised now and then
-- A copy promoted to primary names the history it continues. A backup put in
-- place does not, but its fence is lower than the one that processes remember.

local FENCE_INTERVAL = 60 * 1000000

local function standing_of(base)
  local values = redis.call('HMGET', base .. ':standing', 'epoch', 'confirmed', 'replid', 'fence')
  return {
    epoch = tonumber(values[1] or '0'), confirmed = tonumber(values[2] or '0'),
    replid = values[3] or '', fence = tonumber(values[4] or '0'),
  }
end

local function raise_epoch(keys)
  return redis.call('HINCRBY', keys[1] .. ':standing', 'epoch', 1)
end

local function confirm_epoch(keys)
  local epoch = standing_of(keys[1]).epoch
  redis.call('HSET', keys[1] .. ':standing', 'confirmed', epoch)
  return epoch
end

-- Told the history of the primary, the one it continues, and the fence that the
-- process remembers; answers epoch, confirmed epoch and fence.
local function witness(keys, args)
  local key, standing, time = keys[1] .. ':standing', standing_of(keys[1]), now('')
  local replid, continued, remembered = args[1], args[2], tonumber(args[3])
  local promoted = replid ~= standing.replid and continued == standing.replid
  if standing.replid ~= '' and promoted or standing.fence < remembered then
    standing.epoch = raise_epoch(keys)
  end
  if replid ~= standing.replid then
    redis.call('HSET', key, 'replid', replid)
  end
  local fence = math.max(standing.fence, remembered)
  if time - fence > FENCE_INTERVAL or standing.fence < remembered then
    fence = math.max(time, remembered)
    redis.call('HSET', key, 'fence', integer(fence))
  end
  return { standing.epoch, standing.confirmed, integer(fence) }
end

local function standing(keys)
  local found = standing_of(keys[1])
  return { found.epoch, found.confirmed, integer(found.fence) }
end

removes('mailbox_raise_epoch', raise_epoch)
removes('mailbox_confirm_epoch', confirm_epoch)
removes('mailbox_witness', witness)
reads('mailbox_standing', standing)
