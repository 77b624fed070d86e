-- What final outcomes lead to: counts, notices owed, references dropped.
--
-- What is owed of a message and kind is in `owed:MESSAGE:KIND`: sorted names
-- PART.RECIPIENT.ORIGINAL, where part 0 is the routing (the recipient then
-- being the place of a decision) and part N+1 is job N.

local KINDS = { 'failure', 'delay', 'success' }
local WISHES = { delay = 1, failure = 2, success = 4 }

-- What a final verdict is told as. A server that offers DSN reports success
-- itself.
local TOLD_AS = {
  failed = 'failure',
  expanded = 'success',
  delivered = 'success',
  relayed = 'success',
}
local COUNTED_AS = {
  delivered = 'delivered',
  relayed = 'relayed',
  ['relayed-dsn'] = 'relayed',
  failed = 'failed',
  deleted = 'deleted',
}
local UNSERVED = { failed = true, deleted = true }

local function wants(wishes, place, kind)
  return bit.band(wishes:byte(place), WISHES[kind]) ~= 0
end

local function owed_key(turn, m, kind)
  return key(turn, 'owed:' .. m.id .. ':' .. kind)
end

local function owed_name(part, recipient, original)
  return string.format('%010d.%010d.%010d', part, recipient, original)
end

local function read_owed(name)
  local part, recipient, original = name:match('^(%d+)%.(%d+)%.(%d+)$')
  return tonumber(part), tonumber(recipient), tonumber(original)
end

local function owe(turn, m, progress, kind, name)
  progress.owed = progress.owed + redis.call('ZADD', owed_key(turn, m, kind), 0, name)
end

-- A delay is no news any more once there is an outcome.
local function drop_delay(turn, m, progress, part, place, originals)
  for _, original in ipairs(originals) do
    local name = owed_name(part, place - 1, original)
    progress.owed = progress.owed - redis.call('ZREM', owed_key(turn, m, 'delay'), name)
  end
end

-- Counts a final verdict and puts down whom it is to be told for; whether that
-- is anyone. `wishes` has a digit for each of `originals`.
local function tell(turn, m, progress, part, recipient, originals, wishes, verdict)
  local kind, told = TOLD_AS[verdict], false
  for place, original in ipairs(originals) do
    if kind and wants(wishes, place, kind) then
      owe(turn, m, progress, kind, owed_name(part, recipient, original))
      told = true
    end
  end
  if COUNTED_AS[verdict] then
    count(turn, COUNTED_AS[verdict])
  end
  if verdict == 'failed' and not told then
    count(turn, 'untold')
  end
  return told
end

-- Accounts that have the message by a job, or may yet get it.
local function add_served(served, recipients, results)
  for place, recipient in ipairs(recipients) do
    local result = results[place]
    if recipient[1] and not (result and result[4]) then
      served[recipient[1]] = true
    end
  end
end

-- Accounts that did not get the message by one recipient lose their reference,
-- unless they got it, or may yet get it, by another.
local function drop_references(turn, m, work, unserved)
  local served = {}
  add_served(served, work.recipients, work.results)
  local locals = redis.call('HGET', m.key, 'locals')
  for _, number in ipairs(locals and cmsgpack.unpack(locals) or {}) do
    if number ~= work.job.number then
      local other = redis.call('HMGET', m.key, 'r' .. number, 'o' .. number)
      add_served(served, cmsgpack.unpack(other[1]), read_results(other[2]))
    end
  end
  for _, account in ipairs(unserved) do
    if not served[account] then
      release(turn, content_of(m), 'a' .. account)
    end
  end
end

-- Recipients have just got their final outcomes, which `work.results` holds;
-- whether anyone is to be told.
local function settle(turn, m, work, settled)
  local job, progress, told, unserved = work.job, work.progress, false, {}
  local part = job.number + 1
  for _, one in ipairs(settled) do
    local place, recipient = one.place, work.recipients[one.place]
    local account, originals, wishes = recipient[1], recipient[2], recipient[3]
    progress.unsettled = progress.unsettled - 1
    if work.results[place][3] then
      drop_delay(turn, m, progress, part, place, originals)
    end
    local newly = tell(turn, m, progress, part, place - 1, originals, wishes, one.verdict)
    told = told or newly
    if account and UNSERVED[one.verdict] then
      unserved[#unserved + 1] = account
    end
  end
  if #unserved > 0 then
    drop_references(turn, m, work, unserved)
  end
  return told
end

-- The time has come to tell the delay of a job's open recipients.
local function warn(turn, m, work)
  local recipients, results, part = work.recipients, work.results, work.job.number + 1
  for _, place in ipairs(open_places(recipients, results)) do
    local result = results[place] or { false, false, false, false }
    local originals, wishes = recipients[place][2], recipients[place][3]
    for index, original in ipairs(originals) do
      if not result[3] and wants(wishes, index, 'delay') then
        owe(turn, m, work.progress, 'delay', owed_name(part, place - 1, original))
      end
    end
    result[3] = true
    results[place] = result
  end
  work.job.course.warn_at = nil
end
