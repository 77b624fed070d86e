-- Flags: a bit for each of IMAP's own, and the number of a set of keywords.
--   :keyword-sets     list  sets by number, from 1: sorted, parted by spaces
--   :keyword-numbers  hash  set -> number
-- Most entries have no keywords and the others share few sets; a set once given
-- a number keeps it.

local SEEN, DELETED = 1, 8
local MAX_KEYWORDS = 32
local MAX_SETS = 65535

local function keywords_of(base, number)
  if number == 0 then
    return ''
  end
  return redis.call('LINDEX', base .. ':keyword-sets', number - 1) or ''
end

-- The number of a set; nil when the account has used up all numbers.
local function number_of(base, keywords)
  if keywords == '' then
    return 0
  end
  local known = redis.call('HGET', base .. ':keyword-numbers', keywords)
  if known then
    return tonumber(known)
  end
  if redis.call('LLEN', base .. ':keyword-sets') >= MAX_SETS then
    return nil
  end
  local number = redis.call('RPUSH', base .. ':keyword-sets', keywords)
  redis.call('HSET', base .. ':keyword-numbers', keywords, number)
  return number
end

-- By its lower case, each keyword as it is written.
local function keyword_map(keywords)
  local map = {}
  for keyword in string.gmatch(keywords, '%S+') do
    map[string.lower(keyword)] = keyword
  end
  return map
end

-- The keywords of a map, sorted by their lower case; nil if they are too many.
local function keyword_text(map)
  local folded, words = {}, {}
  for lower in pairs(map) do
    folded[#folded + 1] = lower
  end
  if #folded > MAX_KEYWORDS then
    return nil
  end
  table.sort(folded)
  for index, lower in ipairs(folded) do
    words[index] = map[lower]
  end
  return table.concat(words, ' ')
end

local function added(before, bits, more)
  local map = keyword_map(more)
  -- Of two that differ in case, the one that is there stays.
  for lower, keyword in pairs(keyword_map(before.keywords)) do
    map[lower] = keyword
  end
  return bit.bor(before.bits, bits), keyword_text(map)
end

local function removed(before, bits, less)
  local map = keyword_map(before.keywords)
  for lower in pairs(keyword_map(less)) do
    map[lower] = nil
  end
  return bit.band(before.bits, bit.bnot(bits)), keyword_text(map)
end

local function replaced(_, bits, others)
  return bits, keyword_text(keyword_map(others))
end

local FLAG_CHANGES = { add = added, remove = removed, replace = replaced }

-- Counts an entry's flags into a mailbox, or out of it.
local function count_flags(mailbox, bits, by)
  if bit.band(bits, SEEN) == 0 then
    mailbox.unseen = math.max(mailbox.unseen + by, 0)
  end
  if bit.band(bits, DELETED) ~= 0 then
    mailbox.deleted = math.max(mailbox.deleted + by, 0)
  end
end

local function keyword_sets(keys, args)
  for index, number in ipairs(args) do
    args[index] = keywords_of(keys[1], tonumber(number))
  end
  return args
end

reads('mailbox_keyword_sets', keyword_sets)
