/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP_METHOD(name, is_safe, is_idempotent): RFC 9110 9.3 and RFC 5789. */
HTTP_METHOD(GET, true, true)
HTTP_METHOD(HEAD, true, true)
HTTP_METHOD(POST, false, false)
HTTP_METHOD(PUT, false, true)
HTTP_METHOD(DELETE, false, true)
HTTP_METHOD(CONNECT, false, false)
HTTP_METHOD(OPTIONS, true, true)
HTTP_METHOD(TRACE, true, true)
HTTP_METHOD(PATCH, false, false)
