-- Acceptance, reading, forgetting.
--
--   entries  all messages, by name
--   open     those that are not closed, by name
--   closed   those that are, by when they closed

local function accept(turn)
  local m = take_message(turn)
  local entry, trace, content, wishes, about =
    take(turn), take(turn), take(turn), take(turn), take(turn)
  if redis.call('EXISTS', m.key) == 1 then
    return 'known'
  end
  if about == '' and redis.call('ZCARD', key(turn, 'open')) >= turn.backlog then
    return full(integer(turn.backlog) .. ' messages are in flight')
  end
  if not refer(turn, content, 'e' .. m.id) then
    return 'condemned'
  end
  put(m, 'entry', entry)
  put(m, 'trace', trace)
  put(m, 'accepted', integer(turn.now))
  put(m, 'content', content)
  put(m, 'wishes', wishes)
  if about ~= '' then
    put(m, 'about', about)
  end
  m.placed = { routing = NOWHERE, notice = NOWHERE }
  local routing = new_course(turn, feed_by_caller)
  local progress = { routing = routing, unsettled = 0, owed = 0, claims = {} }
  keep_progress(turn, m, progress, feed_by_caller)
  save(m)
  redis.call('ZADD', key(turn, 'entries'), '0', m.id)
  redis.call('ZADD', key(turn, 'open'), '0', m.id)
  return 'taken'
end

define('accept', edits, accept)
-- Notices settle what is there.
define('accept_notice', settles, accept)

local function describe_chore(course)
  return course and { course.state, course.at or false, course.tries, course.log or {} }
end

local function describe_notice(packed)
  local notice = cmsgpack.unpack(packed)
  return { notice.id, notice.kind, notice.at, notice.accepted and 1 or 0 }
end

local function describe_notices(m, notices)
  local described = {}
  for number = 0, notices - 1 do
    local packed = redis.call('HGET', m.key, 'notice' .. number)
    if packed then
      described[#described + 1] = describe_notice(packed)
    end
  end
  return described
end

-- All of a message but for its jobs from number `jobs` on.
local function describe_message(m, jobs)
  local fields =
    redis.call('HMGET', m.key, 'entry', 'accepted', 'closed', 'decisions', 'notices', 'open')
  if not fields[1] then
    return false
  end
  local progress = unpack_progress(fields[6])
  return {
    fields[1],
    fields[2],
    fields[3],
    fields[4],
    describe_notices(m, tonumber(fields[5]) or 0),
    progress and progress.unsettled or 0,
    progress and owes(progress) and 1 or 0,
    describe_chore(progress and progress.routing) or false,
    describe_chore(progress and progress.notice) or false,
    describe_jobs(m, 0, jobs),
  }
end

define('message', reads, function(turn)
  local m, jobs = take_message(turn), take_number(turn)
  return describe_message(m, jobs)
end)

define('entry', reads, function(turn)
  local m = take_message(turn)
  return redis.call('HMGET', m.key, 'entry', 'accepted')
end)

local function names_after(turn, index, after, limit)
  local from = after == '' and '-' or '(' .. after
  return redis.call('ZRANGEBYLEX', key(turn, index), from, '+', 'LIMIT', 0, limit)
end

define('entries', reads, function(turn)
  local after, limit = take(turn), take(turn)
  local entries = {}
  for _, id in ipairs(names_after(turn, 'entries', after, limit)) do
    entries[#entries + 1] = redis.call('HMGET', message(turn, id).key, 'entry', 'accepted')
  end
  return entries
end)

-- Whether a message is a notice whose original still waits to hear that it was
-- accepted: forgetting it would let the same notice be accepted twice.
local function is_awaited(turn, m)
  local about = redis.call('HGET', m.key, 'about')
  local open = about and redis.call('HGET', message(turn, about).key, 'open')
  return unpack_progress(open) ~= nil
end

local function forget(turn, m)
  redis.call('UNLINK', m.key)
  redis.call('ZREM', key(turn, 'entries'), m.id)
  redis.call('ZREM', key(turn, 'closed'), m.id)
  count(turn, 'forgotten')
end

-- Looks at `limit` closed messages from place `from` on; returns how many were
-- forgotten, and how many must stay.
define('prune', settles, function(turn)
  local before, from, limit = take(turn), take(turn), take(turn)
  local forgotten, kept = 0, 0
  local old =
    redis.call('ZRANGEBYSCORE', key(turn, 'closed'), '-inf', '(' .. before, 'LIMIT', from, limit)
  for _, id in ipairs(old) do
    local m = message(turn, id)
    if is_awaited(turn, m) then
      kept = kept + 1
    else
      forget(turn, m)
      forgotten = forgotten + 1
    end
  end
  return { forgotten, kept }
end)
