-- A message: one hash, `m:MESSAGE`.
--
--   entry, trace     JSON of the acceptance; its trace context, for the feeder
--   accepted         when
--   content          which
--   wishes           a digit for each recipient: delay 1 + failure 2 + success 4
--   about            the message it is a notice of, if it is one
--   open             its progress; empty once it is closed
--   closed           when it closed
--   decisions        JSON of the route's decisions, once it is routed
--   jobs, locals     how many jobs; the numbers of those for accounts here
--   nN jN rN oN      job N: see job.lua
--   notices          how many notices were claimed
--   noticeN, toldN   notice N: see notice.lua
--
-- The progress is what changes while the message is open, apart from its jobs:
--
--   routing    course of the routing job, until it is routed
--   unsettled  recipients of jobs without a final outcome
--   owed       what is owed and not claimed
--   claims     {kind, number} of notices claimed and not accepted
--   notice     course of the notice job, while something is owed
--
-- It has a few dozen octets, whatever the number of recipients.

local MOST_WRITTEN = 2000

local function message(turn, id)
  return { id = id, key = key(turn, 'm:' .. id), written = {} }
end

local function take_message(turn)
  return message(turn, take(turn))
end

-- Puts a field down to be written.
local function put(m, field, value)
  local written = m.written
  written[#written + 1] = field
  written[#written + 1] = value
end

-- Writes what was put down, in one command unless it is much.
local function save(m)
  local written = m.written
  for from = 1, #written, MOST_WRITTEN do
    local to = math.min(from + MOST_WRITTEN - 1, #written)
    redis.call('HSET', m.key, unpack(written, from, to))
  end
  m.written = {}
end

-- The content, read once at most.
local function content_of(m)
  m.content = m.content or redis.call('HGET', m.key, 'content')
  return m.content
end

local function owes(progress)
  return progress.owed > 0 or #progress.claims > 0
end

local function is_done(progress)
  return not progress.routing and progress.unsettled == 0 and not owes(progress)
end

local function chore_places(progress)
  local routing, notice = progress.routing, progress.notice
  return {
    routing = routing and place_of(routing, 'accepted') or NOWHERE,
    notice = notice and place_of(notice, 'outcome') or NOWHERE,
  }
end

-- Unpacks the field `open`; nil where the message is closed or unknown.
local function unpack_progress(packed)
  return packed and packed ~= '' and cmsgpack.unpack(packed) or nil
end

-- The same, to be changed.
local function read_progress(m, packed)
  local progress = unpack_progress(packed)
  if progress then
    m.placed = chore_places(progress)
  end
  return progress
end

local function load_progress(m)
  return read_progress(m, redis.call('HGET', m.key, 'open'))
end

-- Lets the notice job begin where something is owed, and end where nothing is.
local function adjust_notice(turn, progress, feed)
  if not owes(progress) then
    progress.notice = nil
  elseif not progress.notice then
    progress.notice = new_course(turn, feed)
  end
end

local function close(turn, m)
  local now = integer(turn.now)
  redis.call('ZREM', key(turn, 'open'), m.id)
  redis.call('ZADD', key(turn, 'closed'), now, m.id)
  put(m, 'open', '')
  put(m, 'closed', now)
  release(turn, content_of(m), 'e' .. m.id)
end

-- Keeps what changed of an open message, and closes it when nothing is left to
-- do. A notice job that begins is fed by `feed`.
local function keep_progress(turn, m, progress, feed)
  adjust_notice(turn, progress, feed)
  local placed = chore_places(progress)
  move(turn, m.id .. '.route', m.placed.routing, placed.routing)
  move(turn, m.id .. '.notice', m.placed.notice, placed.notice)
  m.placed = placed
  if is_done(progress) then
    close(turn, m)
  else
    put(m, 'open', cmsgpack.pack(progress))
  end
end

-- The routing or notice job, by the part of its name.
local function chore(progress, part)
  if part == 'route' then
    return progress.routing
  end
  return progress.notice
end
