-- wrk script: every request is a body of 1 to 2 kB that was never sent before, of this second, signed with libcrypto.
-- Arguments: path, app secret, run (any word that no earlier run on the same database had).
local ffi = require("ffi")
ffi.cdef [[
  typedef struct evp_md_st EVP_MD;
  const EVP_MD *EVP_sha256(void);
  unsigned char *HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *d, size_t n,
                      unsigned char *out, unsigned int *out_len);
]]
local crypto = nil
for _, name in ipairs({ "libcrypto.so.3", "libcrypto.so.1.1", "crypto" }) do
  local is_there, found = pcall(ffi.load, name)
  if is_there then crypto = found break end
end

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  path, secret, run = args[1], args[2], args[3]
  sha256 = crypto.EVP_sha256()
  out, length = ffi.new("unsigned char[32]"), ffi.new("unsigned int[1]")
  count = 0
  filler = string.rep("the quick brown fox jumps over the lazy dog ", 30)
  before = '{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"field":"messages",'
    .. '"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"12025550100",'
    .. '"phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Ada Example"},"wa_id":"12025550123"}],'
    .. '"messages":[{"from":"12025550123","timestamp":"'
  local nibbles = {}
  for byte = 0, 255 do nibbles[byte] = string.format("%02x", byte) end
  hex = nibbles
end

function request()
  count = count + 1
  local body = before .. os.time() .. '","type":"text","id":"wamid.' .. run .. "." .. number .. "." .. count .. '","text":{"body":"'
    .. string.sub(filler, 1, 500 + (count * 37) % 1000) .. '"}}]}}]}]}'
  crypto.HMAC(sha256, secret, #secret, body, #body, out, length)
  local digest = {}
  for at = 0, 31 do digest[at + 1] = hex[out[at]] end
  return "POST " .. path .. " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    .. "User-Agent: facebookexternalua\r\nX-Hub-Signature-256: sha256=" .. table.concat(digest)
    .. "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"max":%d,"status":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
