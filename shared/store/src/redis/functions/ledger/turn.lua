-- A call of a function: its time, its arguments, and what it counts.
--
-- Every function is called with the tag of its keys as KEYS[1], so that Redis
-- Cluster routes it, and with these first arguments: the time in microseconds
-- (empty: the server's), the feed interval in microseconds, the most tries of
-- a job, the most open messages. Its own arguments follow.
--
-- A function that fails half-way leaves what it has written. So each checks
-- all of its arguments and all that it read before its first write.

local LAST = 9e15 -- the year 2255; up to here a score is exact

local function begin(keys, args)
  return {
    tag = keys[1],
    now = now(args[1]),
    interval = tonumber(args[2]),
    max_tries = tonumber(args[3]),
    backlog = tonumber(args[4]),
    args = args,
    taken = 4,
    counts = {},
  }
end

-- The next argument.
local function take(turn)
  turn.taken = turn.taken + 1
  return turn.args[turn.taken]
end

-- The next argument, as a number; nil if it is empty.
local function take_number(turn)
  return tonumber(take(turn))
end

-- The arguments that are left.
local function take_rest(turn)
  local rest = {}
  for position = turn.taken + 1, #turn.args do
    rest[#rest + 1] = turn.args[position]
  end
  turn.taken = #turn.args
  return rest
end

local function key(turn, name)
  return turn.tag .. ':' .. name
end

local function later(at, span)
  return math.min(at + span, LAST)
end

-- Counts something; written once, at the end.
local function count(turn, name, by)
  turn.counts[name] = (turn.counts[name] or 0) + (by or 1)
end

local function write_counts(turn)
  for name, by in pairs(turn.counts) do
    if by ~= 0 then
      redis.call('HINCRBY', key(turn, 'counts'), name, integer(by))
    end
  end
end

-- Claiming, settling and releasing go on when the memory is full: they are what
-- empties it.
local settles = removes

-- Registers a function of `kind`: edits, settles or reads.
local function define(name, kind, act)
  kind('ledger_' .. name, function(keys, args)
    local turn = begin(keys, args)
    local reply = act(turn)
    write_counts(turn)
    return reply
  end)
end
