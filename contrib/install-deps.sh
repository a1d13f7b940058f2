#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs the Debian packages that are missing, for: build | check | bench | coverage | ci (each holds the ones before it).
# As root or by sudo without a password; otherwise prints the exact command and stops.
set -eu

build="gcc make autoconf pkg-config libevent-dev libssl-dev libldns-dev libjemalloc-dev libyaml-dev liburcu-dev libpcre2-dev libjansson-dev libnghttp2-dev libmaxminddb-dev"
check="$build libcmocka-dev bind9-utils ldnsutils python3 nginx-light curl openssl bind9-dnsutils knot-dnsutils iproute2 wrk procps knot nsd unbound ldnsutils bind9-utils zonemaster-cli haproxy slowhttptest nodejs node-ws nghttp2-client nghttp2-server python3-grpcio python3-websockets"
bench="$check h2o nghttp2-proxy valgrind strace gdnsd knot-module-geoip pdns-server pdns-backend-bind pdns-backend-geoip pdns-backend-lua2"
ci="$check clang libclang-rt-14-dev chromium"

coverage="$check lcov"

case "${1:-build}" in
build) want=$build ;;
check) want=$check ;;
bench) want=$bench ;;
ci) want=$ci ;;
coverage) want=$coverage ;;
*) echo "usage: $0 build|check|bench|coverage|ci" >&2; exit 2 ;;
esac

command -v dpkg-query >/dev/null 2>&1 || { echo "not a Debian system; install by hand: $want"; exit 0; }
missing=
for package in $want; do
	case "$package" in # any flavour of nginx will do
	nginx-light) dpkg-query -W -f '${Status}\n' nginx nginx-light nginx-full nginx-extras 2>/dev/null | grep -q '^install ok installed' && continue ;;
	esac
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
command="apt-get install -y --no-install-recommends$missing"
if [ -n "$as_root" ] && ! sudo -n true 2>/dev/null; then
	echo "steerway needs some Debian packages; run this, then try again:" >&2
	echo "  sudo apt-get update && sudo $command" >&2
	exit 1
fi
echo "installing:$missing"
$as_root apt-get update -q >/dev/null
# Daemons that a package brings must not start here: the tests start their own. Debian asks policy-rc.d before it starts one.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '$as_root rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
fi
$as_root env DEBIAN_FRONTEND=noninteractive $command >/dev/null
