"""The rules for coroutines that g++ 12 compiles wrongly (double frees, objects destroyed early), as far as text shows them.

1. no `if`, `while` or `switch` whose condition contains co_await;
2. no braces (aggregates, lambdas, initialiser lists) in an expression that contains co_await;
3. no `?:` in an expression that contains co_await;
4. no lambda with captures that is itself a coroutine (only where `strict`: library, examples, README).
"""
import re

TOKEN = re.compile(r'R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/|'
                   r"[A-Za-z_0-9]+(?:'[0-9]+)*|::|->|\s+|.", re.S)
CAPTURING = re.compile(r"\[[^\[\]]+\]\s*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*(?:mutable\s*)?->\s*(?:asio::)?awaitable\b")
CONDITION = {"if", "while", "switch"}


class Frame:
    """What stands between two braces."""

    def __init__(self, in_parentheses):
        self.in_parentheses = in_parentheses  # opened inside ( or [ : certainly part of an expression
        self.statements = False               # has seen ';' : a block, not an initialiser
        self.parentheses = []                 # open ( and [, each with the word before it
        self.start_statement()

    def start_statement(self):
        self.await_line = None
        self.faults = []

    def end_statement(self):
        found = [(self.await_line, fault) for fault in self.faults] if self.await_line else []
        self.start_statement()
        return found


def tokens(text):
    line = 1
    for match in TOKEN.finditer(text):
        word = match.group()
        if not word.isspace() and not word.startswith(("//", "/*")):
            yield line, word
        line += word.count("\n")


def find(text, strict):
    """Yields (line, what is wrong)."""
    stack = [Frame(False)]
    previous = ""
    for line, word in tokens(text):
        frame = stack[-1]
        if word == "co_await":
            frame.await_line = frame.await_line or line
            if any(before in CONDITION for _, before in frame.parentheses):
                yield line, "co_await in a condition: store it in a named local first"
        elif word in "([":
            frame.parentheses.append((word, previous))
        elif word in ")]":
            if frame.parentheses:
                frame.parentheses.pop()
        elif word == "?":
            frame.faults.append("?: in an expression with co_await: use a named local")
        elif word == ";" and not any(before != "for" for _, before in frame.parentheses):
            frame.statements = True
            yield from frame.end_statement()
        elif word == "{":
            stack.append(Frame(bool(frame.parentheses)))
        elif word == "}" and len(stack) > 1:
            inner = stack.pop()
            yield from inner.end_statement() if inner.statements else ()
            frame = stack[-1]
            brace = "braces in an expression with co_await: use a named object"
            if inner.in_parentheses:
                frame.faults.append(brace)
            elif inner.statements:
                yield from frame.end_statement()
                frame.statements = True  # what holds a block is a block
            else:
                frame.faults.append(brace)
                if inner.await_line:
                    frame.await_line = frame.await_line or inner.await_line
        previous = "if" if word == "constexpr" and previous == "if" else word
    if strict:
        for match in CAPTURING.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, "a coroutine lambda with captures: use a function with arguments"
