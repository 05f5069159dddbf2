"""bad_receivers -- the table of receivers that misbehave, each with the word it must get in the log."""

import gzip
import os
from ssl import TLSVersion

from harness.hostile import HALF_CLOSE, HOLD, RESET, Forever, Personality, Raw, Tls, TlsFlood, Urgent

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = OK + b"Content-Length: 2\r\n\r\nok"
EMPTY = b"Content-Length: 0\r\n\r\n"


def plain(name, result, *script, **more):
    return Personality(name, result, script, **more)


def secure(name, result, *script, **more):
    return Personality(name, result, script, scheme="https", **more)


def says(result, *lines):
    """One for each answer with nothing wrong but what it says: a status line, with headers behind it."""
    for line in lines:
        yield plain(line, result, f"HTTP/1.1 {line}\r\n".encode() + EMPTY, HOLD)


def heads(result, **lines):
    """One for each header line that stands between a good status line and the end of the head."""
    for name, line in lines.items():
        yield plain(name.replace("_", " "), result, OK + line + b"\r\n\r\nok", HOLD)


def strangers(**banners):
    """One for each other protocol, which speaks first."""
    for name, banner in banners.items():
        yield plain(f"{name.replace('_', ' ')} banner", "server_error", banner, HOLD, reads=False)


def cut_at_each_byte():
    """A reset behind each byte of a response: before the first nothing came, behind the head it is an answer."""
    for at in range(len(WHOLE)):
        result = "unreachable" if at == 0 else "server_error" if at < len(WHOLE) - 2 else "delivered"
        yield plain(f"reset at byte {at}", result, WHOLE[:at], 0.05, RESET)


PERSONALITIES = [
    # what is answered is answered, whatever comes with it
    plain("204 with a body", "delivered", b"HTTP/1.1 204 No Content\r\n\r\nbody", HOLD),
    plain("304 with a length", "rejected", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", HOLD),
    plain("extra bytes behind the answer", "delivered", WHOLE + b"surplus", HOLD),
    plain("a second answer behind the first", "delivered", WHOLE + b"HTTP/1.1 500 Error\r\n\r\n", HOLD),
    plain("half-close behind the answer", "delivered", WHOLE, HALF_CLOSE, HOLD),
    plain("gzip bomb", "delivered", OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
          Forever(b"100\r\n" + bytes(256) + b"\r\n")),
    plain("endless body", "delivered", OK + b"\r\n", Forever(b"x" * 65536)),
    plain("endless chunks", "delivered", CHUNKED, Forever(b"10\r\n0123456789abcdef\r\n" * 1000)),
    plain("chunk-extension flood", "delivered", CHUNKED + b"1;", Forever(b"e" * 65536)),
    plain("trailer flood", "delivered", CHUNKED + b"0\r\n", Forever(b"T: t\r\n" * 1000)),
    plain("malformed chunk", "delivered", CHUNKED + b"xyz\r\n", HOLD),
    plain("body that trickles", "delivered", OK + b"Content-Length: 100000\r\n\r\n", Forever(b"b", 0.2)),
    plain("body that never comes", "delivered", OK + b"Content-Length: 100000\r\n\r\n", HOLD),
    plain("close within the body", "delivered", OK + b"Content-Length: 9\r\n\r\nok"),
    plain("redirect", "rejected", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    plain("redirect without Location", "rejected", b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n"),
    plain("gone", "gone", b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"),
    plain("come later", "busy", b"HTTP/1.1 503 Busy\r\nRetry-After: 9999999\r\nContent-Length: 0\r\n\r\n"),
    plain("an unassigned status", "server_error", b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"),
    # heads that two readers could read in two ways
    plain("length and chunks", "server_error", OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", HOLD),
    plain("chunks and length", "server_error", CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n0\r\n\r\n", HOLD),
    plain("two lengths", "server_error", OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", HOLD),
    plain("negative length", "server_error", OK + b"Content-Length: -2\r\n\r\nok", HOLD),
    plain("length beyond 64 bits", "server_error", OK + b"Content-Length: 99999999999999999999\r\n\r\n", HOLD),
    plain("header without a colon", "server_error", OK + b"nonsense\r\n\r\n", HOLD),
    plain("folded header", "server_error", OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", HOLD),
    plain("carriage returns only", "server_error", WHOLE.replace(b"\n", b""), HOLD),
    plain("line feeds only", "server_error", WHOLE.replace(b"\r", b""), HOLD),
    plain("NUL in a header", "server_error", OK + b"X: a\0b\r\n\r\n", HOLD),
    plain("switch of protocols", "server_error", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nraw", HOLD),
    # not HTTP/1.1
    plain("HTTP/2 in words", "server_error", b"HTTP/2.0 200 OK\r\n\r\n", HOLD),
    plain("HTTP/2 frames", "server_error", b"\0\0\x12\x04\0\0\0\0\0", HOLD),
    plain("HTTP/0.9", "server_error", b"<html>hello</html>"),
    plain("SSH banner before the request", "server_error", b"SSH-2.0-OpenSSH_9.2\r\n", HOLD, reads=False),
    plain("garbage", "server_error", bytes(range(255, 0, -1)), HOLD),
    plain("status of four digits", "server_error", b"HTTP/1.1 2000 OK\r\n\r\n", HOLD),
    plain("TLS alert to plain HTTP", "server_error", b"\x15\x03\x01\x00\x02\x02\x46"),
    # too much
    plain("1xx flood", "server_error", Forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
    plain("endless status line", "server_error", b"HTTP/1.1 200 ", Forever(b"OK" * 10000)),
    plain("endless header value", "server_error", OK + b"X: ", Forever(b"v" * 65536)),
    plain("endless headers", "server_error", OK, Forever(b"X: y\r\n" * 1000)),
    plain("endless empty lines", "server_error", Forever(b"\r\n" * 10000)),
    # too slow
    plain("silence", "timeout", HOLD),
    plain("never reads the request", "timeout", HOLD, reads=False),
    plain("silence within the head", "timeout", OK + b"X: ", HOLD),
    plain("head that trickles", "timeout", OK + b"X: ", Forever(b"v", 0.2)),
    plain("interim answers that trickle", "timeout", *[b"HTTP/1.1 102 Processing\r\n\r\n", 1.0] * 6, HOLD),
    plain("early hints, then silence", "timeout", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", HOLD),
    plain("connections that nobody accepts", "unreachable", accepts=False),
    # the end instead of an answer
    plain("close at once", "unreachable", reads=False),
    plain("reset at once", "unreachable", RESET, reads=False),
    plain("close behind the request", "unreachable"),
    plain("half-close instead of an answer", "unreachable", HALF_CLOSE, HOLD),
    plain("close behind an interim answer", "server_error", b"HTTP/1.1 100 Continue\r\n\r\n"),
    plain("reset behind the request", "unreachable", 0.05, RESET),
    plain("an urgent byte instead of an answer", "unreachable", Urgent(b"!"), 0.1),
    # the request is not waited for
    plain("an answer before the request", "delivered", WHOLE, HOLD, reads=False),
    plain("an answer and the end before the request", "delivered", WHOLE, HALF_CLOSE, HOLD, reads=False),
    plain("a refusal before the request", "rejected", b"HTTP/1.1 413 Too Large\r\n" + EMPTY, 0.2, reads=False),
    *strangers(SMTP=b"220 mail.example ESMTP\r\n", FTP=b"220 ready\r\n", Redis=b"-ERR unknown command\r\n",
               MySQL=b"J\0\0\0\n8.0.36\0", memcached=b"ERROR\r\n", RTSP=b"RTSP/1.0 200 OK\r\n\r\n",
               ICY=b"ICY 200 OK\r\n\r\n", SIP=b"SIP/2.0 200 OK\r\n\r\n", VNC=b"RFB 003.008\n"),
    # TLS
    plain("slow TLS handshake", "timeout", HOLD, scheme="https", reads=False),
    plain("plain HTTP where TLS is spoken", "tls", WHOLE, scheme="https", reads=False),
    plain("garbage instead of a handshake", "tls", os.urandom(64), scheme="https", reads=False),
    plain("reset within the handshake", "tls", 0.1, RESET, scheme="https", reads=False),
    *cut_at_each_byte(),
]

# What a status line or a header line says.
PERSONALITIES += [
    *says("delivered", "200", "200 ", "299 Odd", "226 IM Used", "207 Multi-Status", "200 OK\r\nX:", "200 \u00e9"),
    *says("rejected", "300 Choices", "304 Not Modified", "307 Again\r\nLocation: /", "308 There\r\nLocation: //x/",
          "400 Bad", "401 Who", "404 No", "413 Large\r\nRetry-After: 9", "418 Teapot", "426 Upgrade", "451 No"),
    *says("busy", "408 Slow", "425 Early", "429 Many", "429 Many\r\nRetry-After: soon", "503 Busy\r\nRetry-After: -1",
          "503 Busy\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT", "503 Busy\r\nRetry-After: " + "9" * 400,
          "503 Busy\r\nRetry-After:", "503 Busy\r\nRetry-After: 1\r\nRetry-After: 9"),
    *says("server_error", "500 Error", "502 Gateway", "503 Busy", "504 Slow", "505 Version", "599 Odd", "600 Odd", "999 Odd",
          "500 200 OK", "099 OK", "000 OK", "20 OK", "2OO OK", "-200 OK", "+200 OK", "0200 OK", "200.0 OK", "OK"),
    *heads("delivered", a_type_outside_ASCII=b"Content-Type: \xff\xfe\r\nContent-Length: 2", no_body_announced=b"X: y",
           an_upgrade_that_nobody_asked_for=b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 2",
           two_wills=b"Connection: close, keep-alive\r\nContent-Length: 2", unknown_coding=b"Transfer-Encoding: br",
           chunks_within_gzip=b"Transfer-Encoding: gzip, chunked", fifty_cookies=b"Set-Cookie: a=b\r\n" * 50 + b"X: y",
           a_body_longer_than_it_says=b"Content-Length: 1", a_tab_before_the_value=b"Content-Length:\t2",
           chunks_twice=b"Transfer-Encoding: chunked, chunked"),
    *heads("server_error", a_signed_length=b"Content-Length: +2", a_length_in_hex=b"Content-Length: 0x2",
           two_lengths_in_one=b"Content-Length: 2, 2", a_length_with_a_blank=b"Content-Length: 2 2",
           one_length_twice=b"Content-Length: 2\r\nContent-Length: 2", a_blank_before_the_colon=b"Content-Length : 2",
           a_name_of_nothing=b": y", a_blank_in_a_name=b"X Y: z", a_NUL_in_a_name=b"X\0Y: z", a_NUL_as_value=b"X: \0",
           a_bell_in_a_value=b"X: \a", a_DEL_in_a_name=b"X\x7f: y", a_name_outside_ASCII=b"\xc3\xa9: y",
           a_carriage_return_in_a_value=b"X: a\rY: b", a_line_feed_in_a_value=b"X: a\nContent-Length: 2",
           blanks_before_a_name=b" X: y", a_header_of_17_KB=b"X: " + b"v" * 17408, a_name_of_17_KB=b"n" * 17408 + b": y",
           headers_101_times=b"X: y\r\n" * 100 + b"X: y"),
    plain("HTTP/1.0", "delivered", b"HTTP/1.0 200 OK\r\n\r\nok"),
    plain("HTTP/1.0 with chunks", "delivered", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    plain("HTTP/1.2", "server_error", b"HTTP/1.2 200 OK\r\n" + EMPTY, HOLD),
    plain("HTTP/3", "server_error", b"HTTP/3 200 OK\r\n" + EMPTY, HOLD),
    plain("http in small letters", "server_error", b"http/1.1 200 OK\r\n" + EMPTY, HOLD),
    plain("a byte order mark", "server_error", b"\xef\xbb\xbf" + WHOLE, HOLD),
    plain("two bytes a letter", "server_error", WHOLE.decode().encode("utf-16le"), HOLD),
    plain("two blanks in the status line", "server_error", b"HTTP/1.1  200 OK\r\n" + EMPTY, HOLD),
    plain("a blank before the status line", "server_error", b" " + WHOLE, HOLD),
    plain("a NUL in the reason, which nobody reads", "delivered", b"HTTP/1.1 200 O\0K\r\n" + EMPTY, HOLD),
    plain("a carriage return in the reason", "server_error", b"HTTP/1.1 200 O\rK\r\n" + EMPTY, HOLD),
    plain("HTTP/2 preface", "server_error", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HOLD),
    plain("a request instead of an answer", "server_error", b"POST /runs HTTP/1.1\r\nHost: x\r\n" + EMPTY, HOLD),
    plain("a switch of protocols behind early hints", "server_error",
          b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", HOLD),
    plain("an interim answer with a body", "server_error", b"HTTP/1.1 100 Go\r\nContent-Length: 2\r\n\r\nok" + WHOLE, HOLD),
    plain("eight interim answers", "delivered", b"HTTP/1.1 102 Wait\r\n\r\n" * 8 + WHOLE, HOLD),
    plain("nine interim answers", "server_error", b"HTTP/1.1 102 Wait\r\n\r\n" * 9 + WHOLE, HOLD),
    plain("interim answers without end, slowly", "server_error", Forever(b"HTTP/1.1 100 Go\r\n\r\n", 0.3)),
]

# What follows a good head: nothing there takes away that it was delivered.
PERSONALITIES += [
    plain(name, "delivered", CHUNKED + chunks, HOLD) for name, chunks in {
        "a chunk beyond 64 bits": b"fffffffffffffffff\r\n", "a chunk of 2^64 - 1": b"ffffffffffffffff\r\n",
        "a negative chunk": b"-1\r\n", "a chunk with 0x": b"0x2\r\nok\r\n", "a chunk of no size": b"\r\nok\r\n",
        "a chunk that ends in line feeds": b"2\nok\n0\n\n", "a chunk longer than its size": b"2\r\nokay\r\n0\r\n\r\n",
        "a chunk extension with a NUL": b"2;a=\0\r\nok\r\n0\r\n\r\n", "a chunk extension without end": b"2;" + b"e" * 9000,
        "a trailer that sets a length": b"2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n", "a trailer that is none": b"0\r\nno\r\n\r\n",
    }.items()] + [
    plain("a real gzip bomb", "delivered", OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(32 << 20))),
    plain("gzip as transfer coding", "delivered", OK + b"Transfer-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1 << 20))),
    plain("a body of NULs", "delivered", OK + b"Content-Length: 3000\r\n\r\n" + bytes(3000), HOLD),
    plain("a body that is no text", "delivered", OK + b"Content-Length: 256\r\n\r\n" + bytes(range(256)), HOLD),
    plain("a body cut within a letter", "delivered", OK + b"\r\n" + b"x" * 4095 + "\u00e9".encode() * 9),
    plain("a body of half a letter", "delivered", OK + b"Content-Length: 1\r\n\r\n\xc3", HOLD),
    plain("a body a byte at a time", "delivered", OK + b"Content-Length: 40\r\n\r\n", *[b"b", 0.02] * 40, HOLD),
    plain("a body of 2^63 bytes", "delivered", OK + b"Content-Length: 9223372036854775807\r\n\r\n", HOLD),
    plain("a reset within the body", "delivered", OK + b"Content-Length: 9\r\n\r\nok", 0.05, RESET),
    plain("205 with a body", "delivered", b"HTTP/1.1 205 Reset\r\nContent-Length: 2\r\n\r\nok", HOLD),
    plain("an urgent byte behind the answer", "delivered", WHOLE, Urgent(b"!"), HOLD),
]

GOOD = Tls("good")
KEYS = ("SSL_key_update", (1,))  # new keys, and it asks for new ones of ours
PERSONALITIES += [
    secure("the good certificate", "delivered", WHOLE, HOLD, tls=GOOD),
    secure("a certificate that nobody trusts", "tls", WHOLE, tls=Tls("self")),
    secure("a certificate that has expired", "tls", WHOLE, tls=Tls("expired")),
    secure("a certificate for another name", "tls", WHOLE, tls=Tls("other")),
    secure("TLS 1.2", "delivered", WHOLE, HOLD, tls=Tls("good", TLSVersion.TLSv1_2)),
    secure("TLS 1.1", "tls", WHOLE, tls=Tls("good", TLSVersion.TLSv1_1)),
    secure("TLS 1.0", "tls", WHOLE, tls=Tls("good", TLSVersion.TLSv1)),
    secure("a client certificate is wanted", "tls", WHOLE, tls=Tls("good", wants_client=True)),
    secure("a client certificate is wanted by TLS 1.2", "tls", WHOLE, tls=Tls("good", TLSVersion.TLSv1_2, True)),
    secure("an answer without close_notify", "delivered", WHOLE, tls=GOOD),
    secure("a body up to an end without close_notify", "delivered", OK + b"\r\nok", tls=GOOD),
    secure("the end instead of an answer over TLS", "unreachable", tls=GOOD),
    secure("a reset instead of an answer over TLS", "unreachable", 0.05, RESET, tls=GOOD),
    secure("a head cut off over TLS", "server_error", OK, tls=GOOD),
    secure("silence over TLS", "timeout", HOLD, tls=GOOD),
    secure("endless headers over TLS", "server_error", OK, Forever(b"X: y\r\n" * 1000), tls=GOOD),
    secure("an endless body over TLS", "delivered", OK + b"\r\n", Forever(b"x" * 65536), tls=GOOD),
    secure("plain bytes below TLS", "tls", Raw(b"HTTP/1.1 200 OK\r\n\r\n"), HOLD, tls=GOOD),
    secure("a record that was not sealed", "tls", Raw(b"\x17\x03\x03\0\x20" + bytes(32)), HOLD, tls=GOOD),
    secure("an alert instead of a handshake", "tls", b"\x15\x03\x03\0\x02\x02\x28", HOLD, reads=False),
    secure("warnings instead of a handshake", "tls", Forever(b"\x15\x03\x03\0\x02\x01\x5a"), reads=False),
    secure("a record that is too long", "tls", b"\x16\x03\x03\xff\xff", Forever(bytes(1000)), reads=False),
    secure("new keys without end", "tls", TlsFlood(*KEYS), reads=False),
    secure("session tickets without end", "tls", TlsFlood("SSL_new_session_ticket"), reads=False),
    secure("new keys without end within a head", "server_error", TlsFlood(*KEYS, answer=OK), reads=False),
    secure("new keys without end within a body", "delivered", TlsFlood(*KEYS, answer=WHOLE[:-1]), reads=False),
    secure("new keys without end behind the answer", "delivered", TlsFlood(*KEYS, answer=WHOLE), reads=False),
    secure("a change of ciphers after the handshake", "tls", Raw(b"\x14\x03\x03\0\x01\x01" * 1000), HOLD, tls=GOOD),
    secure("a handshake that trickles", "timeout", b"\x16\x03\x03\x3f\xff\x02", Forever(b"\0", 0.2), reads=False),
    secure("a half-close instead of a handshake", "tls", HALF_CLOSE, HOLD, reads=False),
]
