-- What changes of entries: modification sequence and flags, nine octets each.
--   :states:<shelf>   hash  block -> the states of 64 UIDs; zeros for none
--   :changed:<shelf>  zset  blocks by the highest modification sequence that was
--                           given in them
-- So a mailbox of 100,000 entries is opened by reading 900 kB, a flag is set by
-- writing 576 octets, and what changed lately is found without reading the rest.
-- The adapter decodes blocks; here only single states are.

local PER_BLOCK = 64
local WIDTH = 9
local STATE = '>I6BI2'
local NO_STATE = '\0\0\0\0\0\0\0\0\0'
local NO_STATES = NO_STATE
-- There is no `string` yet while a library is loaded: 64 is 2 to the 6th.
for _ = 1, 6 do
  NO_STATES = NO_STATES .. NO_STATES
end

local function place_of(uid)
  local index = uid % PER_BLOCK
  return (uid - index) / PER_BLOCK, index * WIDTH + 1
end

-- Blocks are read once in a step, and written when it ends; until then `written`
-- has what changed in one, by where it starts.
local function block_at(desk, shelf, number)
  local blocks = desk.blocks[shelf]
  if not blocks then
    blocks = {}
    desk.blocks[shelf] = blocks
  end
  local block = blocks[number]
  if not block then
    local octets = redis.call('HGET', desk.base .. ':states:' .. shelf, number)
    block = { octets = octets or NO_STATES, written = {} }
    blocks[number] = block
  end
  return block
end

local function state_of(desk, mailbox, uid)
  local number, start = place_of(uid)
  local block = block_at(desk, mailbox.shelf, number)
  local written = block.written[start]
  local modseq, bits, keywords =
    struct.unpack(STATE, written or block.octets, written and 1 or start)
  if modseq == 0 then
    return nil
  end
  return { uid = uid, modseq = modseq, bits = bits, keywords = keywords }
end

local function replace_state(desk, mailbox, uid, octets)
  local number, start = place_of(uid)
  local block = block_at(desk, mailbox.shelf, number)
  block.written[start] = octets
  return block
end

local function write_state(desk, mailbox, uid, bits, keywords)
  local modseq = next_modseq(desk.account)
  mailbox.modseq = modseq
  local block = replace_state(desk, mailbox, uid, struct.pack(STATE, modseq, bits, keywords))
  block.modseq = modseq
  return modseq
end

local function erase_state(desk, mailbox, uid)
  replace_state(desk, mailbox, uid, NO_STATE)
end

-- What was written, between what is left of the block.
local function octets_of(block)
  local pieces, rest = {}, 1
  for start = 1, PER_BLOCK * WIDTH, WIDTH do
    local written = block.written[start]
    if written then
      pieces[#pieces + 1] = string.sub(block.octets, rest, start - 1)
      pieces[#pieces + 1] = written
      rest = start + WIDTH
    end
  end
  pieces[#pieces + 1] = string.sub(block.octets, rest)
  return table.concat(pieces)
end

local function save_block(base, shelf, number, block)
  if not next(block.written) then
    return
  end
  local states, changed = base .. ':states:' .. shelf, base .. ':changed:' .. shelf
  local octets = octets_of(block)
  if octets == NO_STATES then
    redis.call('HDEL', states, number)
    redis.call('ZREM', changed, number)
    return
  end
  redis.call('HSET', states, number, octets)
  if block.modseq then
    redis.call('ZADD', changed, integer(block.modseq), number)
  end
end
