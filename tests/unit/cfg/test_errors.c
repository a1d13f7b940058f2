/* SPDX-License-Identifier: BSD-2-Clause */
/* Every kind of fault that a configuration can have, with the exact lines that name it. */
#include "unit/cfg/cfg_test.h"

static const struct {
	const char *name, *yaml, *errors;
} cases[] = {
	{ "not YAML: an open bracket", "workers: [1\n",
	  "t.yaml:2:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence; check indentation, quotes "
	  "and brackets\n" },
	{ "not YAML: a tab as indentation",
	  "node:\n"
	  "\tname: a\n",
	  "t.yaml:2:1: not valid YAML: found character that cannot start any token while scanning for the next token; check "
	  "indentation, quotes and brackets\n" },
	{ "the top is a list", "- a\n", "t.yaml:1:1: expected a map of sections; write \"key: ...\" lines\n" },
	{ "a second document",
	  "workers: 1\n"
	  "---\n"
	  "workers: 2\n",
	  "t.yaml:2:1: a second document begins here; put it into a file of its own\n" },
	{ "anchor", "workers: &w 1\n", "t.yaml:1:10: anchors (&name) are not supported; write the value where it is used\n" },
	{ "alias", "workers: *w\n", "t.yaml:1:10: aliases (*name) are not supported; write the value out\n" },
	{ "tag", "workers: !!int 1\n", "t.yaml:1:10: tags (!name) are not supported; remove it\n" },
	{ "a map as key", "{a: 1}: 2\n",
	  "t.yaml:1:1: a key must be a plain value; write \"key: value\" (and quote text that begins with [, {, * or &)\n" },
	{ "nothing at all under a key that wants a value", "workers:\n",
	  "t.yaml:1:1: workers: has no value; give one or remove the key\n" },
	{ "unknown key with a near one", "worker: 1\n", "t.yaml:1:1: worker: unknown key; did you mean \"workers\"?\n" },
	{ "unknown key with none near", "frobnicate: 1\n",
	  "t.yaml:1:1: frobnicate: unknown key; allowed here: include, node, workers, user, group, run_as_root, drain_timeout, "
	  "listeners, sites, checks, pools, routes, answers, maps, policies, zones, ...\n" },
	{ "unknown key in a section",
	  "log:\n"
	  "  levle: info\n",
	  "t.yaml:2:3: log.levle: unknown key; did you mean \"level\"?\n" },
	{ "unknown key in an item of a list",
	  "routes:\n"
	  "  - { hots: a.example, pool: app }\n",
	  "t.yaml:2:3: routes: no listener serves them; add one with protocol: http, or remove them\n"
	  "t.yaml:2:7: routes[0].hots: unknown key; did you mean \"host\"?\n"
	  "t.yaml:2:30: routes[0].pool: no pool \"app\"; there are none, add it under \"pools\"\n" },
	{ "key given twice",
	  "workers: 1\n"
	  "user: a\n"
	  "workers: 2\n",
	  "t.yaml:3:1: workers: given twice, first at t.yaml:1:1; remove one\n" },
	{ "key given twice, deep",
	  "checks:\n"
	  "  app: { rise: 1, fall: 2, rise: 3 }\n",
	  "t.yaml:2:28: checks.app.rise: given twice, first at t.yaml:2:10; remove one\n" },
	{ "section given twice",
	  "sites:\n"
	  "  a: {}\n"
	  "  b: {}\n"
	  "  a: {}\n",
	  "t.yaml:4:3: sites.a: given twice, first at t.yaml:2:3; remove one\n" },
	{ "a list where a value is expected", "workers: [1, 2]\n",
	  "t.yaml:1:10: workers: expected one value (number or auto, 1 to 256), found a list; write one value\n" },
	{ "a map where a value is expected",
	  "log:\n"
	  "  level: { a: b }\n",
	  "t.yaml:2:10: log.level: expected one value (one of debug, info, warn, error), found a map; write one value\n" },
	{ "a value where a map is expected", "log: info\n",
	  "t.yaml:1:6: log: expected a map, found a value; write \"name: ...\" entries\n" },
	{ "a list where a map is expected",
	  "sites:\n"
	  "  - onprem\n",
	  "t.yaml:2:3: sites: expected a map, found a list; write \"name: ...\" entries\n" },
	{ "a map where a list is expected",
	  "routes:\n"
	  "  app: { pool: app }\n",
	  "t.yaml:2:3: routes: expected a list, found a map; begin each item with \"- \"\n" },
	{ "a value where a section is expected",
	  "sites:\n"
	  "  onprem: 192.0.2.1\n",
	  "t.yaml:2:11: sites.onprem: expected a map, found a value; write \"name: ...\" entries\n" },
	{ "required key missing",
	  "zones:\n"
	  "  example.org: {}\n"
	  "listeners:\n"
	  "  dns: { bind: \"127.0.0.1:5353\", protocol: dns }\n",
	  "t.yaml:2:3: zones.example.org.file: is required but missing; add \"file: ...\"\n" },
	{ "required list empty",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [] }\n",
	  "t.yaml:3:10: pools.app.servers: is empty; give at least one\n" },
	{ "required addresses empty",
	  "listeners:\n"
	  "  web: { bind: [] }\n",
	  "t.yaml:2:3: listeners.web: has nothing to serve; add routes, or remove it\n"
	  "t.yaml:2:16: listeners.web.bind: is an empty list; give at least one value\n" },
	{ "bad boolean", "run_as_root: yes\n",
	  "t.yaml:1:14: run_as_root: \"yes\" is neither true nor false; write one of them\n" },
	{ "bad number",
	  "checks:\n"
	  "  app: { rise: two }\n",
	  "t.yaml:2:16: checks.app.rise: \"two\" is not a whole number; write digits alone\n" },
	{ "negative number",
	  "checks:\n"
	  "  app: { rise: -1 }\n",
	  "t.yaml:2:16: checks.app.rise: \"-1\" is not a whole number; write digits alone\n" },
	{ "number too small",
	  "checks:\n"
	  "  app: { rise: 0 }\n",
	  "t.yaml:2:16: checks.app.rise: 0 is below the smallest allowed value; write at least 1\n" },
	{ "number too large",
	  "checks:\n"
	  "  app: { fall: 101 }\n",
	  "t.yaml:2:16: checks.app.fall: 101 is above the largest allowed value; write at most 100\n" },
	{ "number beyond 64 bits",
	  "checks:\n"
	  "  app: { fall: 99999999999999999999999 }\n",
	  "t.yaml:2:16: checks.app.fall: \"99999999999999999999999\" is not a whole number; write digits alone\n" },
	{ "bad workers", "workers: all\n", "t.yaml:1:10: workers: \"all\" is no number of workers; write a number or auto\n" },
	{ "too many workers", "workers: 257\n",
	  "t.yaml:1:10: workers: 257 is above the largest allowed value; write at most 256\n" },
	{ "duration without unit", "drain_timeout: 30\n", "t.yaml:1:16: drain_timeout: \"30\" has no unit; write 30s or 30ms\n" },
	{ "duration with an unknown unit", "drain_timeout: 30sec\n",
	  "t.yaml:1:16: drain_timeout: \"30sec\" is not a duration; write a whole number with ms, s, m, h or d, as 250ms\n" },
	{ "duration with a fraction", "drain_timeout: 1.5s\n",
	  "t.yaml:1:16: drain_timeout: \"1.5s\" is not a duration; write a whole number with ms, s, m, h or d, as 250ms\n" },
	{ "duration that overflows", "drain_timeout: 99999999999999999d\n",
	  "t.yaml:1:16: drain_timeout: \"99999999999999999d\" is not a duration; write a whole number with ms, s, m, h or d, as "
	  "250ms\n" },
	{ "duration too long", "drain_timeout: 25h\n",
	  "t.yaml:1:16: drain_timeout: 25h is above the largest allowed value; write at most 24h\n" },
	{ "duration too short",
	  "checks:\n"
	  "  app: { interval: 1ms }\n",
	  "t.yaml:2:20: checks.app.interval: 1ms is below the smallest allowed value; write at least 50ms\n" },
	{ "bad size",
	  "listeners:\n"
	  "  web: { bind: \"127.0.0.1:80\", max_head: 32kb }\n",
	  "t.yaml:2:3: listeners.web: has nothing to serve; add routes, or remove it\n"
	  "t.yaml:2:42: listeners.web.max_head: \"32kb\" is not a size; write a whole number with B, KB, MB, GB, KiB, MiB or "
	  "GiB, as 32KiB\n" },
	{ "size too large",
	  "listeners:\n"
	  "  web: { bind: \"127.0.0.1:80\", max_head: 1GiB }\n",
	  "t.yaml:2:3: listeners.web: has nothing to serve; add routes, or remove it\n"
	  "t.yaml:2:42: listeners.web.max_head: 1GiB is above the largest allowed value; write at most 256KiB\n" },
	{ "percentage without sign",
	  "checks:\n"
	  "  app: { jitter: 10 }\n",
	  "t.yaml:2:18: checks.app.jitter: \"10\" is not a percentage; write a whole number with %, as 20%\n" },
	{ "percentage too large",
	  "checks:\n"
	  "  app: { jitter: 51% }\n",
	  "t.yaml:2:18: checks.app.jitter: 51% is above the largest allowed value; write at most 50%\n" },
	{ "bad rate",
	  "sites:\n"
	  "  a: { capacity: 4000 }\n",
	  "t.yaml:2:18: sites.a.capacity: \"4000\" is not a rate; write requests a second, as 4000rps\n" },
	{ "bad decimal",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { balance: hash, load_factor: much, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:38: pools.app.load_factor: \"much\" is not a number; write it as 1.25\n" },
	{ "decimal too small",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { balance: hash, load_factor: 1, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:38: pools.app.load_factor: 1 is below the smallest allowed value; write at least 1.05\n" },
	{ "decimal too large",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { balance: hash, load_factor: 10.5, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:38: pools.app.load_factor: 10.5 is above the largest allowed value; write at most 10\n" },
	{ "decimal with an exponent",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { prefer: a, overprovision: 1e1, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:36: pools.app.overprovision: \"1e1\" is not a number; write it as 1.25\n" },
	{ "bad mode",
	  "admin:\n"
	  "  socket: { mode: \"0888\" }\n",
	  "t.yaml:2:19: admin.socket.mode: \"0888\" is not a mode; write octal digits, as \"0660\"\n" },
	{ "mode too wide",
	  "admin:\n"
	  "  socket: { mode: \"7777\" }\n",
	  "t.yaml:2:19: admin.socket.mode: \"7777\" is not a mode; write octal digits, as \"0660\"\n" },
	{ "empty text", "user: \"\"\n", "t.yaml:1:7: user: is empty; give a value or remove the key\n" },
	{ "control character", "user: \"a\\nb\"\n", "t.yaml:1:7: user: holds a control character; remove it\n" },
	{ "NUL in text that may hold control characters",
	  "checks:\n"
	  "  app: { type: http, expect: { body: \"a\\0b\" } }\n",
	  "t.yaml:2:38: checks.app.expect.body: holds a NUL byte; remove it\n" },
	{ "bad regular expression",
	  "checks:\n"
	  "  app: { type: http, expect: { body_regex: \"(ok\" } }\n",
	  "t.yaml:2:44: checks.app.expect.body_regex: not a valid regular expression: missing closing parenthesis; look at "
	  "offset 3\n" },
	{ "bad address",
	  "listeners:\n"
	  "  web: { bind: \"127.0.0.1\" }\n",
	  "t.yaml:2:3: listeners.web: has nothing to serve; add routes, or remove it\n"
	  "t.yaml:2:16: listeners.web.bind: \"127.0.0.1\" is not an address with port; write it as \"192.0.2.1:80\" or "
	  "\"[2001:db8::1]:80\"\n" },
	{ "address by name",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"localhost:80\", site: a }] }\n",
	  "t.yaml:3:40: pools.app.servers[0].address: \"localhost:80\" is not an address with port; write it as \"192.0.2.1:80\" "
	  "or \"[2001:db8::1]:80\"\n" },
	{ "port 0 of a server",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:0\", site: a }] }\n",
	  "t.yaml:3:40: pools.app.servers[0].address: port 0 can't be connected to; write the server's port\n" },
	{ "address twice in a list",
	  "listeners:\n"
	  "  web: { bind: [\"127.0.0.1:80\", \"127.0.0.1:80\"] }\n",
	  "t.yaml:2:3: listeners.web: has nothing to serve; add routes, or remove it\n"
	  "t.yaml:2:33: listeners.web.bind: 127.0.0.1:80 is given twice; remove one\n" },
	{ "bad IP address",
	  "sites:\n"
	  "  a: { addresses: [\"192.0.2.1:80\"] }\n",
	  "t.yaml:2:20: sites.a.addresses: \"192.0.2.1:80\" is not an IP address; write it as 192.0.2.1 or \"2001:db8::1\", "
	  "without port\n" },
	{ "IP address twice",
	  "sites:\n"
	  "  a: { addresses: [192.0.2.1, 192.0.2.1] }\n",
	  "t.yaml:2:31: sites.a.addresses: 192.0.2.1 is given twice; remove one\n" },
	{ "bad status",
	  "checks:\n"
	  "  app: { type: http, expect: { status: 2xx } }\n",
	  "t.yaml:2:40: checks.app.expect.status: \"2xx\" are no status codes; write them as 200-299 or 200,204,300-399\n" },
	{ "status backwards",
	  "checks:\n"
	  "  app: { type: http, expect: { status: 299-200 } }\n",
	  "t.yaml:2:40: checks.app.expect.status: \"299-200\" are no status codes; write them as 200-299 or 200,204,300-399\n" },
	{ "status out of range",
	  "checks:\n"
	  "  app: { type: http, expect: { status: \"200,700\" } }\n",
	  "t.yaml:2:40: checks.app.expect.status: \"200,700\" are no status codes; write them as 200-299 or 200,204,300-399\n" },
	{ "status with a comma at the end",
	  "checks:\n"
	  "  app: { type: http, expect: { status: \"200,\" } }\n",
	  "t.yaml:2:40: checks.app.expect.status: \"200,\" are no status codes; write them as 200-299 or 200,204,300-399\n" },
	{ "unknown enum value with a near one",
	  "log:\n"
	  "  level: warning\n",
	  "t.yaml:2:10: log.level: unknown value \"warning\"; did you mean \"warn\"?\n" },
	{ "unknown enum value with none near",
	  "log:\n"
	  "  format: binary\n",
	  "t.yaml:2:11: log.format: unknown value \"binary\"; write one of text, json\n" },
	{ "unknown reference with a near one",
	  "sites: { a: {} }\n"
	  "checks: { app: {} }\n"
	  "pools:\n"
	  "  app: { check: ap, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:4:17: pools.app.check: no check \"ap\"; did you mean \"app\"?\n" },
	{ "unknown reference with none near",
	  "sites: { onprem: {}, cloud: {} }\n"
	  "node: { site: moonbase }\n",
	  "t.yaml:2:15: node.site: no site \"moonbase\"; there are: onprem, cloud\n" },
	{ "reference into nothing", "node: { site: a }\n",
	  "t.yaml:1:15: node.site: no site \"a\"; there are none, add it under \"sites\"\n" },
	{ "reference that is a map",
	  "sites: { a: {} }\n"
	  "node: { site: { a: b } }\n",
	  "t.yaml:2:15: node.site: expected the name of a site, found a map; write the name\n" },
	{ "reference without a value",
	  "sites: { a: {} }\n"
	  "node:\n"
	  "  site:\n",
	  "t.yaml:3:3: node.site: has no value; give one or remove the key\n" },
	{ "list of references with an unknown and a repeated one",
	  "sites: { a: {}, b: {} }\n"
	  "pools:\n"
	  "  app:\n"
	  "    prefer: [a, c1, a, b]\n"
	  "    servers: [{ name: x, address: \"127.0.0.1:1\", site: a }]\n",
	  "t.yaml:4:17: pools.app.prefer: no site \"c1\"; there are: a, b\n"
	  "t.yaml:4:21: pools.app.prefer: \"a\" is given twice; remove one\n" },
	{ "empty list of references",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { prefer: [], servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:18: pools.app.prefer: is empty; give at least one name\n" },
	{ "bad weight",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { split: { a: heavy }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:22: pools.app.split.a: \"heavy\" is not a weight; write a whole number from 0 to 1000000\n" },
	{ "weights for an unknown site",
	  "sites: { onprem: {} }\n"
	  "pools:\n"
	  "  app: { split: { onprm: 1 }, servers: [{ name: x, address: \"127.0.0.1:1\", site: onprem }] }\n",
	  "t.yaml:3:19: pools.app.split.onprm: no site \"onprm\"; did you mean \"onprem\"?\n" },
	{ "weights all zero",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { split: { a: 0 }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:17: pools.app.split: all weights are 0; give one site at least 1\n" },
	{ "timeout above interval",
	  "checks:\n"
	  "  app:\n"
	  "    interval: 2s\n"
	  "    timeout: 5s\n",
	  "t.yaml:4:14: checks.app.timeout: 5s exceeds interval 2s; lower it or raise interval\n" },
	{ "fast interval above interval",
	  "checks:\n"
	  "  app: { fast_interval: 3s }\n",
	  "t.yaml:2:25: checks.app.fast_interval: 3s exceeds interval 2s; lower it or raise interval\n" },
	{ "http keys of a tcp check",
	  "checks:\n"
	  "  app: { path: /x, method: HEAD, host: a, expect: { body: x } }\n",
	  "t.yaml:2:10: checks.app.path: has no effect with type: tcp; remove it, or set type: http\n"
	  "t.yaml:2:20: checks.app.method: has no effect with type: tcp; remove it, or set type: http\n"
	  "t.yaml:2:28: checks.app.method: an answer to HEAD has no body, but expect looks for one; use GET\n"
	  "t.yaml:2:34: checks.app.host: has no effect with type: tcp; remove it, or set type: http\n"
	  "t.yaml:2:43: checks.app.expect: has no effect with type: tcp; remove it, or set type: http\n" },
	{ "tls of an http check",
	  "checks:\n"
	  "  app: { type: http, tls: { verify: false } }\n",
	  "t.yaml:2:22: checks.app.tls: has an effect with type: https only; remove it, or set that type\n" },
	{ "ca without verification",
	  "checks:\n"
	  "  app: { type: https, tls: { verify: false, ca: LICENSE } }\n",
	  "t.yaml:2:45: checks.app.tls.ca: has no effect with verify: false; remove one of them\n" },
	{ "https without a name to verify",
	  "checks:\n"
	  "  app: { type: https }\n",
	  "t.yaml:2:3: checks.app: type https has no name to verify; add host or tls.server_name, or set tls.verify: false\n" },
	{ "server_name that is no name",
	  "checks:\n"
	  "  app: { type: https, tls: { server_name: \"a b\" } }\n",
	  "t.yaml:2:28: checks.app.tls: server_name \"a b\" is no host name; write a name without port\n" },
	{ "ca that is missing",
	  "checks:\n"
	  "  app: { type: https, host: a.example, tls: { ca: /nonexistent/ca.pem } }\n",
	  "t.yaml:2:51: checks.app.tls.ca: cannot read /nonexistent/ca.pem: No such file or directory; mend the path or its "
	  "mode\n" },
	{ "body and body_regex",
	  "checks:\n"
	  "  app: { type: http, expect: { body: a, body_regex: b } }\n",
	  "t.yaml:2:41: checks.app.expect.body_regex: can't stand beside body; keep one of them\n" },
	{ "body of an answer to HEAD",
	  "checks:\n"
	  "  app: { type: http, method: HEAD, expect: { body: a } }\n",
	  "t.yaml:2:30: checks.app.method: an answer to HEAD has no body, but expect looks for one; use GET\n" },
	{ "bad method",
	  "checks:\n"
	  "  app: { type: http, method: \"GET /\" }\n",
	  "t.yaml:2:30: checks.app.method: \"GET /\" is no HTTP method; write one as GET\n" },
	{ "check path that is relative",
	  "checks:\n"
	  "  app: { type: http, path: health }\n",
	  "t.yaml:2:28: checks.app.path: does not begin with /; write it as /path\n" },
	{ "check path with a space",
	  "checks:\n"
	  "  app: { type: http, path: \"/a b\" }\n",
	  "t.yaml:2:28: checks.app.path: holds characters that no request path has; percent-encode them\n" },
	{ "check host with a space",
	  "checks:\n"
	  "  app: { type: http, host: \"a b\" }\n",
	  "t.yaml:2:28: checks.app.host: \"a b\" is no host; write a name or address\n" },
	{ "hash keys without balance hash",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { hash_key: uri, load_factor: 2, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:10: pools.app.hash_key: has an effect with balance: hash only; remove it, or set that\n"
	  "t.yaml:3:25: pools.app.load_factor: has an effect with balance: hash only; remove it, or set that\n" },
	{ "overprovision without prefer",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { overprovision: 2, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:10: pools.app.overprovision: has no effect without prefer; remove it, or add that\n" },
	{ "timeout of no queue",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { queue: { timeout: 2s }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:19: pools.app.queue.timeout: has no effect without length; remove it, or add that\n" },
	{ "hash key without a name",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { balance: hash, hash_key: cookie, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:35: pools.app.hash_key: cookie needs a name; add hash_name\n" },
	{ "hash name that is none",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { balance: hash, hash_key: header, hash_name: \"a b\", servers: [{ name: x, address: \"127.0.0.1:1\", site: a "
	  "}] }\n",
	  "t.yaml:3:54: pools.app.hash_name: \"a b\" is no name of a header field or cookie\n" },
	{ "hash name without use",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { balance: hash, hash_name: x, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:25: pools.app.hash_name: has an effect with balance: hash and hash_key: header or cookie only; remove it, or "
	  "set "
	  "those\n" },
	{ "sticky without secret",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { sticky: { by: cookie }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:10: pools.app.sticky: by: cookie needs a secret; add secret, or set by: source\n" },
	{ "sticky with a bad name and no file",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { sticky: { cookie: \"a;b\", secret: /nowhere }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:28: pools.app.sticky.cookie: \"a;b\" is no name of a cookie; use letters, digits, - and _, at most 64\n"
	  "t.yaml:3:43: pools.app.sticky.secret: cannot read /nowhere: No such file or directory; mend the path or its mode\n" },
	{ "sticky by source with a cookie",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { sticky: { by: source, ttl: 1h }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:32: pools.app.sticky.ttl: has no effect with by: source; remove it\n" },
	{ "prefer and split",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { prefer: [a], split: { a: 1 }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:23: pools.app.split: can't stand beside prefer; keep one of them\n" },
	{ "a server in a site that prefer leaves out",
	  "sites: { a: {}, b: {} }\n"
	  "pools:\n"
	  "  app:\n"
	  "    prefer: [a]\n"
	  "    servers:\n"
	  "      - { name: x, address: \"127.0.0.1:1\", site: a }\n"
	  "      - { name: y, address: \"127.0.0.1:2\", site: b }\n",
	  "t.yaml:7:50: pools.app.servers[1].site: b is not in the pool's prefer, so this server would never get traffic; add "
	  "the site there\n" },
	{ "a server in a site that split leaves out",
	  "sites: { a: {}, b: {} }\n"
	  "pools:\n"
	  "  app: { split: { a: 1 }, servers: [{ name: x, address: \"127.0.0.1:1\", site: b }] }\n",
	  "t.yaml:3:78: pools.app.servers[0].site: b is not in the pool's split, so this server would never get traffic; add the "
	  "site there\n" },
	{ "server name taken",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app:\n"
	  "    servers:\n"
	  "      - { name: x, address: \"127.0.0.1:1\", site: a }\n"
	  "      - { name: x, address: \"127.0.0.1:2\", site: a }\n",
	  "t.yaml:6:17: pools.app.servers[1].name: name x is taken by pools.app.servers[0] at t.yaml:5:9; change one of them\n" },
	{ "server name with a slash",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x/y, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:28: pools.app.servers[0].name: is no usable name; begin with a letter or digit, use letters, digits, _ . and "
	  "- only, at most 63\n" },
	{ "site name with a space", "sites: { \"on prem\": {} }\n",
	  "t.yaml:1:10: sites.on prem: is no usable name; begin with a letter or digit, use letters, digits, _ . and - only, at "
	  "most 63\n" },
	{ "min_up above the servers of every site",
	  "sites: { a: {}, b: {} }\n"
	  "pools:\n"
	  "  app: { min_up: 2, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }, { name: y, address: \"127.0.0.1:1\", "
	  "site: b }] }\n",
	  "t.yaml:3:18: pools.app.min_up: 2 exceeds the servers of every site (at most 1); lower it or add servers\n" },
	{ "budget without retries",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { retries: { attempts: 0, budget: 10% }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n",
	  "t.yaml:3:34: pools.app.retries.budget: has no effect with attempts: 0; remove it\n" },
	{ "http keys of a dns listener",
	  "zones: { example.org: { file: LICENSE } }\n"
	  "listeners:\n"
	  "  dns: { bind: \"127.0.0.1:53\", protocol: dns, max_head: 1KiB, timeouts: { head: 1s } }\n",
	  "t.yaml:3:47: listeners.dns.max_head: has no effect with protocol: dns; remove it\n"
	  "t.yaml:3:63: listeners.dns.timeouts: has no effect with protocol: dns; remove it\n" },
	{ "HTTP/2 where there is none",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { max_streams: 5, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "  two: { protocol: http2, timeouts: { tunnel_idle: 1s }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "routes:\n"
	  "  - { path: /a, pool: two, connect: true }\n"
	  "  - { path: /b, split: { two: 1 }, upgrade: any }\n"
	  "  - { path: /c, split: { two: 1, app: 1 }, upgrade: any }\n"
	  "  - { path: /d, methods: [get], pool: two, upgrade: none }\n"
	  "  - { path: /e, answer: {}, connect: true }\n"
	  "listeners:\n"
	  "  web: { bind: \"127.0.0.1:80\", http2: { enabled: false, max_streams: 5 } }\n"
	  "  tls: { bind: \"127.0.0.1:81\", tls: { certificates: LICENSE, alpn: [h2] }, http2: { enabled: false } }\n",
	  "t.yaml:3:10: pools.app.max_streams: has an effect with protocol: http2 only; remove it, or set that\n"
	  "t.yaml:4:39: pools.two.timeouts.tunnel_idle: has no effect with protocol: http2, whose servers are asked for no "
	  "tunnels; "
	  "remove it\n"
	  "t.yaml:6:37: routes[0].connect: has no effect with servers of protocol: http2, which are asked for no tunnels; remove "
	  "it\n"
	  "t.yaml:7:45: routes[1].upgrade: has no effect with servers of protocol: http2, which are asked for no tunnels; remove "
	  "it\n"
	  "t.yaml:9:27: routes[3].methods: \"get\" takes no request, for methods are in upper case; write one as GET\n"
	  "t.yaml:10:38: routes[4].connect: has no effect with answer, for no server gets the request; remove it\n"
	  "t.yaml:12:57: listeners.web.http2.max_streams: has no effect with enabled: false; remove it\n"
	  "t.yaml:13:68: listeners.tls.tls: alpn offers h2, which http2.enabled: false switches off; remove one of them\n" },
	{ "a queue that nothing ever waits in, and a page of nothing",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { queue: { length: 5 }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "  two: { queue: { length: 5 }, servers: [{ name: x, address: \"127.0.0.1:1\", site: a, max_requests: 1 }] }\n"
	  "answers: { pages: [{ status: 503 }] }\n",
	  "t.yaml:3:19: pools.app.queue.length: has no effect where nothing is bounded; remove it, or add max_requests, "
	  "max_connections or limits\n"
	  "t.yaml:5:20: answers.pages[0]: has no file; give it text, json or html\n" },
	{ "tls of a dns listener",
	  "zones: { example.org: { file: LICENSE } }\n"
	  "listeners:\n"
	  "  dns: { bind: \"127.0.0.1:53\", protocol: dns, tls: { certificates: LICENSE } }\n",
	  "t.yaml:3:47: listeners.dns.tls: has no effect with protocol: dns; remove it\n" },
	{ "PROXY protocol on a DNS listener, and from nobody",
	  "listeners:\n"
	  "  dns: { bind: \"127.0.0.1:53\", protocol: dns, proxy_protocol: { from: 10.0.0.0/8 } }\n"
	  "  web: { bind: \"127.0.0.1:80\", proxy_protocol: {} }\n",
	  "t.yaml:2:3: listeners.dns: has nothing to serve; add zones, or remove it\n"
	  "t.yaml:2:47: listeners.dns.proxy_protocol: has no effect with protocol: dns; remove it\n"
	  "t.yaml:3:3: listeners.web: has nothing to serve; add routes, or remove it\n"
	  "t.yaml:3:32: listeners.web.proxy_protocol.from: is required but missing; add \"from: ...\"\n" },
	{ "handshake timeout without tls",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "routes: [{ pool: app }]\n"
	  "listeners:\n"
	  "  web: { bind: \"127.0.0.1:80\", timeouts: { handshake: 1s } }\n",
	  "t.yaml:6:44: listeners.web.timeouts.handshake: has no effect without tls; remove it\n" },
	{ "certificates that are missing",
	  "listeners:\n"
	  "  web: { bind: \"127.0.0.1:80\", tls: { certificates: [/nonexistent/*.pem] } }\n",
	  "t.yaml:2:3: listeners.web: has nothing to serve; add routes, or remove it\n"
	  "t.yaml:2:54: listeners.web.tls.certificates: no file matches /nonexistent/*.pem; mend the path, or put the file "
	  "there\n" },
	{ "the same address in two listeners and admin",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "routes: [{ pool: app }]\n"
	  "listeners:\n"
	  "  web: { bind: \"127.0.0.1:80\" }\n"
	  "  more: { bind: [\"127.0.0.1:81\", \"127.0.0.1:80\"] }\n"
	  "admin:\n"
	  "  http: { bind: \"127.0.0.1:81\" }\n",
	  "t.yaml:7:34: listeners.more.bind: address 127.0.0.1:80 is taken by listeners.web at t.yaml:6:3; change one of them\n"
	  "t.yaml:9:17: admin.http.bind: address 127.0.0.1:81 is taken by listeners.more at t.yaml:7:3; change one of them\n" },
	{ "http listener without routes, zones without dns listener",
	  "listeners:\n"
	  "  web: { bind: \"127.0.0.1:80\" }\n"
	  "zones:\n"
	  "  example.org: { file: LICENSE }\n",
	  "t.yaml:2:3: listeners.web: has nothing to serve; add routes, or remove it\n"
	  "t.yaml:4:3: zones: no listener serves them; add one with protocol: dns, or remove them\n" },
	{ "dns listener without zones, routes without http listener",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "routes: [{ pool: app }]\n"
	  "listeners:\n"
	  "  dns: { bind: \"127.0.0.1:53\", protocol: dns }\n",
	  "t.yaml:4:9: routes: no listener serves them; add one with protocol: http, or remove them\n"
	  "t.yaml:6:3: listeners.dns: has nothing to serve; add zones, or remove it\n" },
	{ "a route taken by an earlier one, whatever the case and final dot",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "listeners: { web: { bind: \"127.0.0.1:80\" } }\n"
	  "routes:\n"
	  "  - { host: app.example.org, path: /a, pool: app }\n"
	  "  - { host: app.example.org, path: /a/, pool: app }\n"
	  "  - { host: APP.example.org., path: /a, pool: app }\n"
	  "  - { path: /a, pool: app }\n"
	  "  - { path: /a, pool: app }\n",
	  "t.yaml:8:5: routes[2]: route app.example.org/a is taken by routes[0] at t.yaml:6:5; change one of them\n"
	  "t.yaml:10:5: routes[4]: route any host, /a is taken by routes[3] at t.yaml:9:5; change one of them\n" },
	{ "routes that can't match",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "listeners: { web: { bind: \"127.0.0.1:80\" } }\n"
	  "routes:\n"
	  "  - { path: api, pool: app }\n"
	  "  - { path: \"/a?b\", pool: app }\n"
	  "  - { path: /a/../b, pool: app }\n"
	  "  - { path: \"/a b\", pool: app }\n"
	  "  - { host: \"www.*.example.org\", pool: app }\n"
	  "  - { host: \"example.org:443\", pool: app }\n"
	  "  - { host: \"https://example.org\", pool: app }\n",
	  "t.yaml:6:13: routes[0].path: does not begin with /; write it as /path\n"
	  "t.yaml:7:13: routes[1].path: holds a query; a route looks at the path here, and at parameters under query\n"
	  "t.yaml:8:13: routes[2].path: holds . or .. segments, which no routed path has; write the path without them\n"
	  "t.yaml:9:13: routes[3].path: holds characters that no request path has; percent-encode them\n"
	  "t.yaml:10:13: routes[4].host: a wildcard stands for whole labels at the start; write it as *.example.org\n"
	  "t.yaml:11:13: routes[5].host: \"example.org:443\" is no host name; write it without scheme, port and path\n"
	  "t.yaml:12:13: routes[6].host: \"https://example.org\" is no host name; write it without scheme, port and path\n" },
	{ "routes whose actions contradict each other",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "listeners: { web: { bind: \"127.0.0.1:80\" } }\n"
	  "routes:\n"
	  "  - { path: /a }\n"
	  "  - { path: /b, pool: app, answer: {} }\n"
	  "  - { path: /c, split: { app: 0 }, split_by: client }\n"
	  "  - { path: /d, pool: app, split_by: client }\n"
	  "  - { path: /e, redirect: {} }\n"
	  "  - { path: /f, redirect: { https: true, location: /x, status: 305 }, scheme: https }\n"
	  "  - { path: /g, answer: { status: 204, body: x } }\n"
	  "  - { path: /h, answer: { content_type: x }, maintenance: {}, rewrite: { path: /x } }\n"
	  "  - { path: /i, pool: app, rewrite: { host: a, regex: x } }\n"
	  "  - { path: /j, pool: app, rewrite: { strip_prefix: /a, path: /b } }\n"
	  "  - { path: /k, pool: app, rewrite: {} }\n",
	  "t.yaml:6:5: routes[0]: does nothing; add pool, split, redirect or answer\n"
	  "t.yaml:7:36: routes[1].answer: can't stand beside pool: a route does one thing; remove one of them\n"
	  "t.yaml:8:24: routes[2].split: all shares are 0; give one pool at least 1\n"
	  "t.yaml:9:38: routes[3].split_by: has no effect without split; remove it\n"
	  "t.yaml:10:17: routes[4].redirect: leads nowhere; add location, or https: true\n"
	  "t.yaml:11:36: routes[5].redirect.https: can't stand beside location; keep one of them\n"
	  "t.yaml:11:64: routes[5].redirect.status: 305 is no redirect; write 301, 302, 303, 307 or 308\n"
	  "t.yaml:11:79: routes[5].scheme: can't stand beside redirect.https, which is for requests in clear text; remove it\n"
	  "t.yaml:12:46: routes[6].answer.body: an answer with status 204 has none; remove it\n"
	  "t.yaml:13:41: routes[7].answer.content_type: has no effect without body; remove it\n"
	  "t.yaml:13:59: routes[7].maintenance: has no effect with answer, for no server gets the request; remove it\n"
	  "t.yaml:13:72: routes[7].rewrite: has no effect with answer, for no server gets the request; remove it\n"
	  "t.yaml:14:28: routes[8].rewrite: regex and replace belong together; add the other one\n"
	  "t.yaml:15:28: routes[9].rewrite: strip_prefix, path and regex can't stand beside each other; keep one of them\n"
	  "t.yaml:16:28: routes[10].rewrite: rewrites nothing; add strip_prefix, path, regex or host\n" },
	{ "conditions and texts of routes",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "listeners: { web: { bind: \"127.0.0.1:80\" } }\n"
	  "routes:\n"
	  "  - { path: \"/a(\", match: regex, pool: app }\n"
	  "  - { path: /b, methods: [\"GE T\"], pool: app }\n"
	  "  - { path: /c, headers: { \"a b\": { exact: x, prefix: y } }, pool: app }\n"
	  "  - { path: /d, query: { v: { exact: x, present: true } }, pool: app }\n"
	  "  - { path: /e, clients: [10.0.0.1/8], pool: app }\n"
	  "  - { path: /f, redirect: { location: \"/${nope}\" } }\n"
	  "  - { path: /g, redirect: { location: \"/${1}\" } }\n"
	  "  - { path: \"/h(.)\", match: regex, redirect: { location: \"/${2}\" } }\n"
	  "  - { path: /i, redirect: { location: \"/${server}\" } }\n"
	  "  - { path: /j, redirect: { location: \"/a b\" } }\n"
	  "  - { path: /k, pool: app, rewrite: { path: \"/x?y\", host: \"a/b\" } }\n"
	  "  - { path: /l, pool: app, request_headers: { set: { Host: a, Content-Length: \"1\", X-A: \"${\" } } }\n"
	  "  - { path: /m, pool: app, request_headers: { remove: [Connection], add: { X-S: \"${site}\", x-s: a } } }\n"
	  "  - { path: /n, pool: app, response_headers: { set: { Transfer-Encoding: a, X-S: \"${site} ${header:x}\" } } }\n"
	  "  - { path: /o, pool: app, response_headers: {} }\n",
	  "t.yaml:6:13: routes[0].path: not a valid regular expression: missing closing parenthesis; look at offset 3\n"
	  "t.yaml:7:27: routes[1].methods: \"GE T\" is no HTTP method; write one as GET\n"
	  "t.yaml:8:28: routes[2].headers.a b: exact, prefix and regex can't stand beside each other; keep one of them\n"
	  "t.yaml:8:28: routes[2].headers.a b: is no field name; write one as X-Version\n"
	  "t.yaml:9:50: routes[3].query.v.present: can't stand beside exact, prefix or regex; remove it\n"
	  "t.yaml:10:27: routes[4].clients: \"10.0.0.1/8\" is no network; write it as 10.0.0.0/8 or \"2001:db8::/32\", with no "
	  "bit set behind the prefix\n"
	  "t.yaml:11:39: routes[5].redirect.location: unknown variable ${nope}; there are: client_ip, host, path, query, method, "
	  "scheme, tls_version, request_id, listener, pool, server, site, header:NAME\n"
	  "t.yaml:12:39: routes[6].redirect.location: ${1} is no capture: there is no regular expression here that has any\n"
	  "t.yaml:13:58: routes[7].redirect.location: ${2} is no capture: the regular expression has fewer\n"
	  "t.yaml:14:39: routes[8].redirect.location: a variable in it is known only when a server answered; remove it\n"
	  "t.yaml:15:39: routes[9].redirect.location: \"/a b\" holds characters that can't stand there; percent-encode them\n"
	  "t.yaml:16:45: routes[10].rewrite.path: \"/x?y\" holds characters that can't stand there; percent-encode them\n"
	  "t.yaml:16:59: routes[10].rewrite.host: \"a/b\" holds characters that can't stand there; percent-encode them\n"
	  "t.yaml:17:54: routes[11].request_headers.set: Host is set by rewrite.host; use that\n"
	  "t.yaml:17:63: routes[11].request_headers.set: Content-Length is the proxy's own, on which framing or the connection "
	  "hangs; remove it\n"
	  "t.yaml:17:84: routes[11].request_headers.set: ${ has no closing }; write ${name}, or $${ for the text itself\n"
	  "t.yaml:18:56: routes[12].request_headers.remove: Connection is the proxy's own, on which framing or the connection "
	  "hangs; remove it\n"
	  "t.yaml:18:76: routes[12].request_headers.add: a variable in it is known only when a server answered; remove it\n"
	  "t.yaml:18:92: routes[12].request_headers.add: x-s is given twice; remove one\n"
	  "t.yaml:19:55: routes[13].response_headers.set: Transfer-Encoding is the proxy's own, on which framing or the "
	  "connection hangs; remove it\n"
	  "t.yaml:20:28: routes[14].response_headers: holds 0 rules; give 1 to 64 under remove, set and add\n" },
	{ "routes that are never reached",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "listeners: { web: { bind: \"127.0.0.1:80\" } }\n"
	  "routes:\n"
	  "  - { host: h, path: /a, methods: GET, pool: app }\n"
	  "  - { host: h, path: /a, methods: GET, pool: app }\n"
	  "  - { host: h, path: /b/c, pool: app }\n"
	  "  - { host: h, path: /b, priority: 1, pool: app }\n"
	  "  - { host: h, path: /bc, pool: app }\n"
	  "  - { host: a.example.org, path: /x, match: exact, priority: 2, pool: app }\n"
	  "  - { host: \"*.example.org\", priority: 3, pool: app }\n"
	  "  - { host: a.example.org, methods: GET, priority: 3, pool: app }\n",
	  "t.yaml:7:5: routes[1]: route h/a GET is taken by routes[0] at t.yaml:6:5; change one of them\n"
	  "t.yaml:8:5: routes[2]: is never reached: routes[3] at t.yaml:9:5 takes all of its requests first; raise its priority "
	  "or remove it\n"
	  "t.yaml:11:5: routes[5]: is never reached: routes[6] at t.yaml:12:5 takes all of its requests first; raise its "
	  "priority or remove it\n" },
	{ "route to an unknown pool",
	  "sites: { a: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }] }\n"
	  "listeners: { web: { bind: \"127.0.0.1:80\" } }\n"
	  "routes:\n"
	  "  - { pool: apps }\n",
	  "t.yaml:6:13: routes[0].pool: no pool \"apps\"; did you mean \"app\"?\n" },
	{ "zone file missing, zone name bad",
	  "listeners: { dns: { bind: \"127.0.0.1:53\", protocol: dns } }\n"
	  "zones:\n"
	  "  example.org: { file: /nonexistent/zone }\n"
	  "  -bad-.org: { file: LICENSE }\n",
	  "t.yaml:3:24: zones.example.org.file: cannot read /nonexistent/zone: No such file or directory; mend the path or its "
	  "mode\n"
	  "t.yaml:4:3: zones.-bad-.org: is no zone name; write it as example.org\n" },
	{ "zone taken",
	  "listeners: { dns: { bind: \"127.0.0.1:53\", protocol: dns } }\n"
	  "zones:\n"
	  "  example.org: { file: LICENSE }\n"
	  "  Example.ORG.: { file: LICENSE }\n",
	  "t.yaml:4:3: zones.Example.ORG.: name example.org is taken by zones.example.org at t.yaml:3:3; change one of them\n" },
	{ "maps and policies",
	  "maps:\n"
	  "  a: { type: subnet, file: LICENSE }\n"
	  "  g: { type: geo, file: LICENSE }\n"
	  "  n: { type: latency, file: missing.txt }\n"
	  "sites:\n"
	  "  x: { addresses: [192.0.2.1], location: [91, 0] }\n"
	  "  y: { addresses: [192.0.2.2], location: [9] }\n"
	  "  z: { addresses: [192.0.2.3], location: [9, -10.5] }\n"
	  "policies:\n"
	  "  z: { sites: [x] }\n"
	  "  loop: { sites: [x, pool] }\n"
	  "  pool: { policy: subnet, map: a, cases: { default: [y, loop] } }\n"
	  "  p1: { policy: geo, map: g }\n"
	  "  p2: { policy: geo, map: a, sites: [x, z], cases: { default: x } }\n"
	  "  p3: { policy: geo, map: g, cases: { DE: x, region/US-CA: z, asn/64500: z } }\n"
	  "  p4: { policy: latency, sites: [x, loop] }\n"
	  "  p5: { policy: view, map: a, sites: [x], cases: { default: x } }\n"
	  "  p6: { policy: failover, sites: [x, p5] }\n"
	  "  p7: { policy: all, sites: [x, z], min_up: 3 }\n"
	  "  p8: { policy: geo, map: g, sites: [z, dublin, p6] }\n"
	  "  p9: { policy: subnet, map: a, cases: { office: { x: 1 }, default: } }\n"
	  "pools: { app: { servers: [{ name: s, address: '127.0.0.1:1', site: z }] } }\n"
	  "listeners: { dns: { bind: '127.0.0.1:53', protocol: dns } }\n"
	  "zones:\n"
	  "  example.org:\n"
	  "    file: LICENSE\n"
	  "    names:\n"
	  "      a: { use: p3, policy: failover, pool: app }\n"
	  "      b: { pool: app }\n"
	  "      c: { policy: weighted, pool: app, sites: { z: 1 }, all_down: fallback }\n"
	  "      d: { pool: app, sites: [z], fallback: [192.0.2.9] }\n"
	  "      e: { use: p7, pool: app }\n"
	  "      f: { policy: consistent, pool: app, sites: { z: 0 }, cases: { default: z } }\n",
	  "t.yaml:4:29: maps.n.file: cannot read missing.txt: No such file or directory; mend the path or its mode\n"
	  "t.yaml:6:43: sites.x.location: \"91\" is no latitude; write degrees from -90 to 90, as -6.25\n"
	  "t.yaml:7:42: sites.y.location: has a latitude alone; write [latitude, longitude]\n"
	  "t.yaml:10:3: policies.z: is the name of a site, too, so that members would mean either; change one of them\n"
	  "t.yaml:11:3: policies.loop: is a member of itself, if only through others; take it out of one of them\n"
	  "t.yaml:12:3: policies.pool: is a member of itself, if only through others; take it out of one of them\n"
	  "t.yaml:13:3: policies.p1: policy geo needs cases, or sites to take the nearest of; add one of them\n"
	  "t.yaml:14:27: policies.p2.map: a is a map of type subnet, which policy geo can't go by; name another\n"
	  "t.yaml:14:30: policies.p2.sites: can't stand beside cases; keep one of them (sites: the nearest one answers)\n"
	  "t.yaml:15:37: policies.p3.cases: no default; add one, for clients that no case fits\n"
	  "t.yaml:15:39: policies.p3.cases: \"DE\" is no place; write it as country/DE, continent/EU, region/US-CA or "
	  "asn/64500\n"
	  "t.yaml:16:3: policies.p4: policy latency needs map; name one of maps\n"
	  "t.yaml:16:37: policies.p4.sites: loop is a policy, and has no round-trip time of its own; name sites alone\n"
	  "t.yaml:17:31: policies.p5.sites: has no effect with policy view; remove it, or set another policy\n"
	  "t.yaml:18:38: policies.p6.sites: p5 is a view, which decides for good and can't be one member among others; "
	  "make it the name's own policy, or a case of a view\n"
	  "t.yaml:19:45: policies.p7.min_up: 3 exceeds the 2 members; lower it\n"
	  "t.yaml:20:41: policies.p8.sites: no site or policy \"dublin\"; there are: x, y, z, z, loop, pool, p1, p2, "
	  "p3, p4, p5, p6, p7, p8, p9\n"
	  "t.yaml:21:42: policies.p9.cases.office: expected a site or policy, or a list of them; write [a, b]\n"
	  "t.yaml:21:60: policies.p9.cases.default: expected a site or policy, or a list of them; write [a, b]\n"
	  "t.yaml:28:17: zones.example.org.names.a.use: pool app has no server in site x; add one, or remove the site "
	  "here\n"
	  "t.yaml:28:21: zones.example.org.names.a.policy: has no effect beside use; remove one of them\n"
	  "t.yaml:29:7: zones.example.org.names.b: policy failover needs sites; write sites: [a, b]\n"
	  "t.yaml:30:68: zones.example.org.names.c.all_down: fallback needs addresses; add fallback: [192.0.2.1]\n"
	  "t.yaml:31:35: zones.example.org.names.d.fallback: has an effect with all_down: fallback only; remove it, or "
	  "set that\n"
	  "t.yaml:32:17: zones.example.org.names.e.use: pool app has no server in site x; add one, or remove the site "
	  "here\n"
	  "t.yaml:33:50: zones.example.org.names.f.sites: all weights are 0; give one site at least 1\n"
	  "t.yaml:33:60: zones.example.org.names.f.cases: has no effect with policy consistent; remove it, or set "
	  "another policy\n" },
	{ "min_up above the members of a case",
	  "maps: { a: { type: subnet, file: LICENSE } }\n"
	  "sites: { x: { addresses: [192.0.2.1] }, y: { addresses: [192.0.2.2] } }\n"
	  "policies:\n"
	  "  p1: { policy: subnet, map: a, min_up: 2, cases: { office: [x, y], branch: x, default: [y] } }\n"
	  "  p2: { policy: view, map: a, min_up: 2, cases: { office: [x, y], branch: x, default: [y, x] } }\n"
	  "  p3: { policy: subnet, map: a, min_up: 2, cases: { branch: x, default: [x, y] } }\n"
	  "pools: { app: { servers: [{ name: s, address: '127.0.0.1:1', site: x }, { name: t, address: '127.0.0.1:2', site: y }] "
	  "} }\n"
	  "listeners: { dns: { bind: '127.0.0.1:53', protocol: dns } }\n"
	  "zones:\n"
	  "  example.org:\n"
	  "    file: LICENSE\n"
	  "    names:\n"
	  "      a: { policy: subnet, map: a, pool: app, min_up: 3, cases: { default: [x, y] } }\n"
	  "      b: { use: p1, pool: app }\n"
	  "      c: { use: p2, pool: app }\n"
	  "      d: { use: p3, pool: app }\n",
	  "t.yaml:4:80: policies.p1.cases: default has 1 of the 2 members that min_up asks for; add some, or lower min_up\n"
	  "t.yaml:5:67: policies.p2.cases: branch has 1 of the 2 members that min_up asks for; add some, or lower min_up\n"
	  "t.yaml:13:67: zones.example.org.names.a.cases: default has 2 of the 3 members that min_up asks for; add some, or "
	  "lower "
	  "min_up\n" },
	{ "steered names",
	  "listeners: { dns: { bind: \"127.0.0.1:53\", protocol: dns } }\n"
	  "sites: { a: { addresses: 192.0.2.1 }, b: { addresses: 192.0.2.2 }, c: {} }\n"
	  "pools:\n"
	  "  app: { servers: [{ name: x, address: \"127.0.0.1:1\", site: a }, { name: y, address: \"127.0.0.1:2\", site: c }] }\n"
	  "zones:\n"
	  "  example.org:\n"
	  "    file: LICENSE\n"
	  "    names:\n"
	  "      app: { pool: app, sites: [a] }\n"
	  "      APP: { pool: app, sites: [a] }\n"
	  "      app.example.org: { pool: app, sites: [a] }\n"
	  "      example.org: { pool: app, sites: [a] }\n"
	  "      www.: { pool: app, sites: [a] }\n"
	  "      \"a*\": { pool: app, sites: [a] }\n"
	  "      w1: { policy: weighted, pool: app, sites: [a] }\n"
	  "      w2: { policy: weighted, pool: app, sites: { a: 0 } }\n"
	  "      f1: { pool: app, sites: { a: 1 } }\n"
	  "      s1: { pool: app, sites: [a, b] }\n"
	  "      s2: { pool: app, sites: [a, c] }\n"
	  "      t1: { pool: app, sites: [a], ttl: 60s..5s }\n"
	  "      t2: { pool: app, sites: [a], ttl: 1500ms }\n"
	  "      t3: { pool: app, sites: [a], ttl: 5s..8d }\n"
	  "      t4: { pool: app, sites: [a], ttl: 5s.. }\n"
	  "      n1: { pool: app, sites: [] }\n"
	  "      o1: { pool: app, sites: [a], order: random }\n",
	  "t.yaml:10:7: zones.example.org.names.APP: name app is taken by zones.example.org.names.app at t.yaml:9:7; change one "
	  "of them\n"
	  "t.yaml:11:7: zones.example.org.names.app.example.org: names are relative to their zone; write \"app\"\n"
	  "t.yaml:12:7: zones.example.org.names.example.org: names are relative to their zone; write \"@\"\n"
	  "t.yaml:13:7: zones.example.org.names.www.: names are relative to their zone; write \"www\"\n"
	  "t.yaml:14:7: zones.example.org.names.a*: is no usable DNS name; use labels of letters, digits, - and _, the first may "
	  "be "
	  "*, or \"@\" for the zone itself\n"
	  "t.yaml:15:49: zones.example.org.names.w1.sites: policy weighted needs a weight for each site; write { a: 50, ... }\n"
	  "t.yaml:16:49: zones.example.org.names.w2.sites: all weights are 0; give one site at least 1\n"
	  "t.yaml:17:31: zones.example.org.names.f1.sites: policy failover takes sites in order, not weights; write [a, ...], or "
	  "set policy: weighted\n"
	  "t.yaml:18:35: zones.example.org.names.s1.sites: pool app has no server in site b; add one, or remove the site here\n"
	  "t.yaml:19:35: zones.example.org.names.s2.sites: site c has no addresses to answer with; add sites.c.addresses\n"
	  "t.yaml:20:41: zones.example.org.names.t1.ttl: 60s..5s runs backwards; write the shorter TTL first\n"
	  "t.yaml:21:41: zones.example.org.names.t2.ttl: 1500ms is no whole number of seconds; a TTL counts seconds\n"
	  "t.yaml:22:41: zones.example.org.names.t3.ttl: 8d is above the largest allowed value; write at most 7d\n"
	  "t.yaml:23:41: zones.example.org.names.t4.ttl: \"5s..\" is not a TTL; write it as 30s or 5s..60s\n"
	  "t.yaml:24:31: zones.example.org.names.n1.sites: is empty; give at least one name\n"
	  "t.yaml:25:43: zones.example.org.names.o1.order: unknown value \"random\"; write one of fixed, rotate\n" },
	{ "user and run_as_root",
	  "user: steerway\n"
	  "run_as_root: true\n",
	  "t.yaml:2:1: run_as_root: contradicts user; remove one of them\n" },
	{ "admin socket path too long",
	  "admin:\n"
	  "  socket: { path: "
	  "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaa.sock }\n",
	  "t.yaml:2:19: admin.socket.path: 128 bytes are too long for a UNIX socket (at most 107); shorten the path\n" },
	{ "node name with a space", "node: { name: edge one }\n",
	  "t.yaml:1:15: node.name: is no usable name; begin with a letter or digit, use letters, digits, _ . and - only, at most "
	  "63\n" },
	{ "several errors, in the order of the file",
	  "log: { level: loud }\n"
	  "checks:\n"
	  "  app: { type: http, tls: {}, rise: 0 }\n"
	  "workers: 0\n"
	  "nod: {}\n",
	  "t.yaml:1:15: log.level: unknown value \"loud\"; write one of debug, info, warn, error\n"
	  "t.yaml:3:22: checks.app.tls: has an effect with type: https only; remove it, or set that type\n"
	  "t.yaml:3:37: checks.app.rise: 0 is below the smallest allowed value; write at least 1\n"
	  "t.yaml:4:10: workers: 0 is below the smallest allowed value; write at least 1\n"
	  "t.yaml:5:1: nod: unknown key; did you mean \"node\"?\n" },
	{ "include that is a map", "include: { a: b }\n",
	  "t.yaml:1:10: include: expected a path or a list of paths, found a map; write \"include: conf.d/*.yaml\"\n" },
	{ "include of a missing file", "include: [nowhere.yaml]\n",
	  "t.yaml:1:11: include: cannot read nowhere.yaml: No such file or directory; mend the path or remove it\n" },
	{ "a regular expression that checks refuse",
	  "checks:\n"
	  "  app: { type: http, expect: { body_regex: \"a\\\\C\" } }\n",
	  "t.yaml:2:44: checks.app.expect.body_regex: not a valid regular expression: using \\C is disabled by the application; "
	  "look at offset 3\n" },
	{ "keys of one section, one faulty, one without effect",
	  "checks:\n"
	  "  app: { type: http, rise: 0, tls: {}, timeout: 3s }\n",
	  "t.yaml:2:28: checks.app.rise: 0 is below the smallest allowed value; write at least 1\n"
	  "t.yaml:2:31: checks.app.tls: has an effect with type: https only; remove it, or set that type\n"
	  "t.yaml:2:49: checks.app.timeout: 3s exceeds interval 2s; lower it or raise interval\n" },
	{ "what follows from a fault is no news",
	  "checks:\n"
	  "  app: { type: htpp, path: /x, interval: 1, timeout: 5s }\n",
	  "t.yaml:2:16: checks.app.type: unknown value \"htpp\"; did you mean \"http\"?\n"
	  "t.yaml:2:42: checks.app.interval: \"1\" has no unit; write 1s or 1ms\n" },
};

static void test_errors(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		print_message("  %s\n", cases[i].name);
		load_bad(cases[i].yaml, cases[i].errors);
	}
}

/* Bytes that are no UTF-8 have a line, if no column. */
static void test_not_utf8(void **state) {
	(void)state;
	load_bad("workers: 1\nuser: \xff\xfe\n",
	         "t.yaml:2:1: not valid YAML: invalid leading UTF-8 octet; save the file as UTF-8 text\n");
}

/* What stands in a message can't make it two lines, or fill the screen. */
static void test_hostile_text(void **state) {
	struct buf yaml = { 0 }, errors = { 0 };
	(void)state;
	load_bad("\"a\\nb\": 1\n",
	         "t.yaml:1:1: a?b: unknown key; allowed here: include, node, workers, user, group, run_as_root, drain_timeout, "
	         "listeners, sites, checks, pools, routes, answers, maps, policies, zones, ...\n");
	buf_add(&yaml, STR("drain_timeout: "));
	for (int i = 0; i < 100000; i++)
		buf_add_char(&yaml, 'x');
	assert_null(cfg_load_text(buf_str(&yaml), "t.yaml", "", &errors));
	assert_true(errors.n < 400);
	buf_fini(&yaml);
	buf_fini(&errors);
}

static void test_at_most_1000_lines(void **state) {
	struct buf yaml = { 0 }, errors = { 0 };
	size_t lines = 0;
	(void)state;
	for (int i = 0; i < 1500; i++)
		buf_printf(&yaml, "nothing_like_it_%d: 1\n", i);
	assert_null(cfg_load_text(buf_str(&yaml), "t.yaml", "", &errors));
	for (size_t i = 0; i < errors.n; i++)
		lines += errors.p[i] == '\n';
	assert_int_equal(lines, 1001);
	assert_true(str_ends(buf_str(&errors), STR("\n500 more errors are not shown\n")));
	buf_fini(&yaml);
	buf_fini(&errors);
}

static void test_too_many_values(void **state) {
	struct buf yaml = { 0 };
	(void)state;
	buf_add(&yaml, STR("sites: { a: { addresses: ["));
	for (int i = 0; i < 4097; i++)
		buf_printf(&yaml, "10.0.%d.%d, ", i / 256, i % 256);
	buf_add(&yaml, STR("] } }\n"));
	load_bad(buf_text(&yaml), "t.yaml:1:26: sites.a.addresses: 4097 values are more than 4096; give fewer\n");
	buf_fini(&yaml);
}

static void test_too_many_sites(void **state) {
	struct buf yaml = { 0 };
	(void)state;
	buf_add(&yaml, STR("sites:\n"));
	for (int i = 0; i < 65; i++)
		buf_printf(&yaml, "  s%d: {}\n", i);
	load_bad(buf_text(&yaml), "t.yaml:2:3: sites: 65 sites are more than the 64 that are supported; remove some\n");
	buf_fini(&yaml);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),          cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_hostile_text),    cmocka_unit_test(test_at_most_1000_lines),
		cmocka_unit_test(test_too_many_values), cmocka_unit_test(test_too_many_sites),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
