-- Notices: gathered when claimed, repeated until accepted.
--
--   noticeN  {id, kind, at, accepted}
--   toldN    whom it tells about, until it is accepted: {part, recipient,
--            original}, and of a job's recipient besides {outcome, attempts,
--            when it is tried next or false, until when or false}

local function find_claim(progress, kind)
  for position, claim in ipairs(progress.claims) do
    if claim[1] == kind then
      return claim[2], position
    end
  end
end

-- What a notice says of a job's recipient, as of now.
local function tell_of(course, result)
  local open = not result[2]
  local next_attempt = open and course.state == 'deferred' and course.at
  local retry_until = open and course.retry_until
  return result[1], course.attempts or 0, next_attempt or false, retry_until or false
end

local function load_told(m, part)
  local fields = redis.call('HMGET', m.key, job_fields(part - 1))
  return cmsgpack.unpack(fields[1]), read_results(fields[3])
end

-- What is owed, with what is known of it now, in the order of jobs.
local function gather(m, owed)
  local told, loaded, course, results = {}, nil, nil, nil
  for _, name in ipairs(owed) do
    local part, recipient, original = read_owed(name)
    if part == 0 then
      told[#told + 1] = { part, recipient, original }
    else
      if part ~= loaded then
        loaded, course, results = part, load_told(m, part)
      end
      local result = results[recipient + 1]
      told[#told + 1] = { part, recipient, original, tell_of(course, result) }
    end
  end
  return told
end

local function claim_notice(turn, m, progress, kind, reserve)
  local owed = redis.call('ZRANGE', owed_key(turn, m, kind), 0, -1)
  if #owed == 0 then
    return nil
  end
  local number = tonumber(redis.call('HGET', m.key, 'notices') or 0)
  local notice = { id = reserve, kind = kind, at = turn.now, accepted = false }
  local told = gather(m, owed)
  table.insert(progress.claims, { kind, number })
  progress.owed = progress.owed - #owed
  redis.call('UNLINK', owed_key(turn, m, kind))
  put(m, 'notices', number + 1)
  put(m, 'notice' .. number, cmsgpack.pack(notice))
  put(m, 'told' .. number, cmsgpack.pack(told))
  keep_progress(turn, m, progress, feed_by_feeder)
  save(m)
  return notice, told
end

-- JSON of the jobs that a notice tells about: {part, JSON}.
local function made_jobs(m, told)
  local made, last = {}, 0
  for _, one in ipairs(told) do
    if one[1] ~= last then
      last = one[1]
      made[#made + 1] = { last, redis.call('HGET', m.key, 'n' .. last - 1) }
    end
  end
  return made
end

define('claim_notice', settles, function(turn)
  local m, kind, reserve = take_message(turn), take(turn), take(turn)
  local fields = redis.call('HMGET', m.key, 'open', 'entry', 'decisions')
  local progress = read_progress(m, fields[1])
  -- A held or dead notice job is an operator's to decide.
  if not progress or not progress.notice or progress.notice.state ~= 'pending' then
    return false
  end
  local notice, told
  local number = find_claim(progress, kind)
  if number then
    local packed = redis.call('HMGET', m.key, 'notice' .. number, 'told' .. number)
    notice, told = cmsgpack.unpack(packed[1]), cmsgpack.unpack(packed[2])
  else
    notice, told = claim_notice(turn, m, progress, kind, reserve)
  end
  if not notice then
    return false
  end
  return { notice.id, notice.at, fields[2], fields[3], made_jobs(m, told), told }
end)

define('notice_accepted', settles, function(turn)
  local m, kind, id = take_message(turn), take(turn), take(turn)
  local progress = load_progress(m)
  local number, position
  if progress then
    number, position = find_claim(progress, kind)
  end
  if not number then
    return 0
  end
  local notice = cmsgpack.unpack(redis.call('HGET', m.key, 'notice' .. number))
  if notice.id ~= id then
    return 0
  end
  notice.accepted = true
  table.remove(progress.claims, position)
  progress.notice.tries = 0
  redis.call('HDEL', m.key, 'told' .. number)
  put(m, 'notice' .. number, cmsgpack.pack(notice))
  keep_progress(turn, m, progress, feed_by_feeder)
  save(m)
  return 1
end)

define('has_notice_job', reads, function(turn)
  local progress = load_progress(take_message(turn))
  local course = progress and progress.notice
  return course and course.state == 'pending' and 1 or 0
end)

-- An operator wants nobody told of what is owed now.
local function drop_notices(turn, m, progress)
  for _, kind in ipairs(KINDS) do
    redis.call('UNLINK', owed_key(turn, m, kind))
  end
  for _, claim in ipairs(progress.claims) do
    redis.call('HDEL', m.key, 'notice' .. claim[2], 'told' .. claim[2])
  end
  progress.claims = {}
  progress.owed = 0
end
