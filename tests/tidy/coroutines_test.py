#!/usr/bin/env python3
"""The lint finds what it is meant to find, and leaves the allowed forms alone."""
import sys

import coroutines

WRONG = [
    "awaitable<void> f() { if (co_await g()) return; }",
    "awaitable<void> f() { while (co_await g()) { h(); } }",
    "awaitable<void> f() { if (auto x = co_await g(); x) { h(); } }",
    "awaitable<void> f() { switch (co_await g()) { default: h(); } }",
    "awaitable<void> f() { co_await g({1, 2}); }",
    "awaitable<void> f() { co_await g(Options{1}); }",
    "awaitable<void> f() { Agg a{co_await g(), 1}; }",
    "awaitable<void> f() { auto x = c ? co_await a() : b; }",
    "awaitable<void> f() { co_return c ? co_await s() : t; }",
    "awaitable<void> f() { co_await g(c ? a : b); }",
    "awaitable<void> f() { co_await co_spawn(ex, [x]() -> awaitable<void> { co_await g(); }, token); }",
    "awaitable<void> f() { co_spawn(co_await this_coro::executor, [x] { h(); }, detached); }",
    "awaitable<void> f() { h(std::vector<int>{1}, co_await g()); }",
    "auto f = [x]() -> asio::awaitable<void> { co_await g(); };",
]
RIGHT = [
    "awaitable<void> f() { bool more = co_await g(); if (more) { h(); } }",
    "awaitable<void> f() { auto [ec, n] = co_await s.read(b, as_tuple); if (ec) { co_return; } }",
    "awaitable<void> f() { Options o{1, 2}; co_await g(std::move(o)); }",
    "awaitable<void> f() { int n = c ? 1 : 2; co_await g(n); }",
    "awaitable<void> f() { for (;;) { co_await g(); } }",
    "awaitable<void> f() { co_await g(); if (x) { h({1}); } }",
    "awaitable<void> f() { std::string s(\"co_await {\"); co_await g(s); } // co_await {}",
    "awaitable<void> f() { try { co_await g(); } catch (const E& e) { h(e); } }",
    "void f() { co_spawn(ex, [](S s) -> awaitable<void> { co_await s.g(); }(std::move(s)), detached); }",
    "struct A { int x{}; awaitable<void> f() { co_await g(x); } };",
    "awaitable<void> f() { auto h = [n](int m) { return m + n; }; co_await g(h); }",
    "namespace a { namespace b { int x{1}; } awaitable<void> f() { co_await g(); } }",
    "awaitable<void> f() { Buffers b(asio::buffer(&data[0], 4)); std::size_t n = co_await read(s, b); use(n); }",
]


def main():
    faults = [f"not found in: {text}" for text in WRONG if not list(coroutines.find(text, True))]
    faults += [f"{found} in: {text}" for text in RIGHT if (found := list(coroutines.find(text, True)))]
    print("\n".join(faults) or f"{len(WRONG) + len(RIGHT)} snippets judged as they should be")
    return 1 if faults else 0


sys.exit(main())
