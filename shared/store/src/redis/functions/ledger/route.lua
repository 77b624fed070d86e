-- Routes: recorded once, and what follows from them.

-- What routing decided, as the caller tells it.
local function take_route(turn)
  local route = { covered = take_number(turn), decisions = take(turn), ended = {}, jobs = {} }
  for _ = 1, take_number(turn) do
    local place, original, verdict = take_number(turn), take_number(turn), take(turn)
    table.insert(route.ended, { place = place, original = original, verdict = verdict })
  end
  for _ = 1, take_number(turn) do
    local made, to, recipients = take(turn), take(turn), take(turn)
    local expanded = take(turn)
    table.insert(route.jobs, {
      made = made,
      to = to,
      recipients = cjson.decode(recipients),
      expanded = cjson.decode(expanded),
    })
  end
  return route
end

-- Wishes without that of hearing of success, for these originals: what was
-- expanded has had its success (RFC 3461 §5.2.7).
local function without_success(wishes, originals)
  for _, original in ipairs(originals) do
    local quiet = string.char(bit.band(wishes:byte(original + 1), bit.bnot(WISHES.success)))
    wishes = wishes:sub(1, original) .. quiet .. wishes:sub(original + 2)
  end
  return wishes
end

local function expanded_by(route)
  local originals = {}
  for _, ended in ipairs(route.ended) do
    if ended.verdict == 'expanded' then
      originals[#originals + 1] = ended.original
    end
  end
  return originals
end

local function wishes_of(wishes, originals)
  local picked = {}
  for place, original in ipairs(originals) do
    picked[place] = wishes:sub(original + 1, original + 1)
  end
  return table.concat(picked)
end

local function begin_job(turn, m, progress, number, made, wishes, content, feed)
  wishes = without_success(wishes, made.expanded)
  local has_accounts = false
  for _, recipient in ipairs(made.recipients) do
    recipient[3] = wishes_of(wishes, recipient[2])
    if recipient[1] then
      refer(turn, content, 'a' .. recipient[1])
      has_accounts = true
    end
  end
  progress.unsettled = progress.unsettled + #made.recipients
  local course = new_course(turn, feed)
  course.generation = 0
  course.to = made.to
  put(m, 'n' .. number, made.made)
  put(m, 'r' .. number, cmsgpack.pack(made.recipients))
  local job = { number = number, name = m.id .. '.' .. number, course = course, placed = NOWHERE }
  keep_job(turn, m, job)
  return has_accounts
end

local function enact(turn, m, progress, route, fields, feed)
  local wishes, content, locals = fields[2], fields[3], {}
  progress.routing = nil
  for _, ended in ipairs(route.ended) do
    local digit = wishes:sub(ended.original + 1, ended.original + 1)
    tell(turn, m, progress, 0, ended.place, { ended.original }, digit, ended.verdict)
  end
  put(m, 'decisions', route.decisions)
  wishes = without_success(wishes, expanded_by(route))
  for place, made in ipairs(route.jobs) do
    if begin_job(turn, m, progress, place - 1, made, wishes, content, feed) then
      locals[#locals + 1] = place - 1
    end
  end
  if #locals > 0 then
    put(m, 'locals', cmsgpack.pack(locals))
  end
  keep_progress(turn, m, progress, feed)
  save(m)
end

-- Records the route of a message whose routing job allows `event`. Replies
-- whether a notice is owed, or why nothing was recorded.
local function record_route(turn, event, feed)
  local m, route = take_message(turn), take_route(turn)
  local fields = redis.call('HMGET', m.key, 'open', 'wishes', 'content')
  local progress = read_progress(m, fields[1])
  if not progress then
    return 'closed'
  end
  if not progress.routing then
    return 'routed'
  end
  if not is_legal(progress.routing, event) then
    return 'stopped'
  end
  if route.covered ~= #fields[2] then
    return misused('the route of ' .. m.id .. ' does not cover its recipients')
  end
  enact(turn, m, progress, route, fields, feed)
  return owes(progress) and 'owed' or 'recorded'
end

define('record_route', settles, function(turn)
  return record_route(turn, 'settle', feed_by_caller)
end)

-- An operator settles a message that is not routed yet.
define('overrule_routing', settles, function(turn)
  return record_route(turn, 'overrule', feed_by_feeder)
end)

-- The entry of a message that has no route.
define('unrouted', reads, function(turn)
  local m = take_message(turn)
  local fields = redis.call('HMGET', m.key, 'entry', 'accepted', 'decisions')
  return fields[1] and not fields[3] and { fields[1], fields[2] } or false
end)

-- The decisions, whether a notice is owed, and the first jobs.
define('route', reads, function(turn)
  local m, jobs = take_message(turn), take_number(turn)
  local fields = redis.call('HMGET', m.key, 'decisions', 'open')
  if not fields[1] then
    return false
  end
  local progress = unpack_progress(fields[2])
  local owed = progress and owes(progress) and 1 or 0
  return { fields[1], owed, describe_jobs(m, 0, jobs) }
end)
