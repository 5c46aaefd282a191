// The functions of behaviour C.4 that need no request.
#include "evaluate.hpp"
#include "support/doctest.hpp"

using adit_test::evaluated;

namespace {

class Row {
public:
    const char* expression;
    const char* result; ///< as text; a part of it for errors
};

void check_all(std::initializer_list<Row> rows) {
    for (const Row& row : rows) {
        INFO(std::string(row.expression));
        const std::string got = evaluated(row.expression);
        const std::string wanted = row.result;
        if (wanted.starts_with("error: ") || wanted.starts_with("compile: ")) {
            CHECK_MESSAGE(got.starts_with(wanted), got);
        } else {
            CHECK(got == wanted);
        }
    }
}

} // namespace

TEST_CASE("CEL: encodings") {
    check_all({
        {"base64.encode(b'hello')", "aGVsbG8="},
        {"base64.encode('hello')", "aGVsbG8="},
        {"base64.decode('aGVsbG8=') == b'hello'", "true"},
        {"base64.decode('aGVsbG8') == b'hello'", "true"},
        {"base64.decode('a')", "error: this is no base64"},
        {"base64.decode('aGVs bG8=')", "error: this is no base64"},
        {"'hello'.encodeBase64()", "aGVsbG8="},
        {"'aGVsbG8='.decodeBase64()", "hello"},
        {"'/w=='.decodeBase64()", "error: what the base64 stands for is no text"},
        {"basic_auth.encode('username', 'password1')", "Basic dXNlcm5hbWU6cGFzc3dvcmQx"},
        {"json.encode({'a': [1, 2.5, 'x', null, true], 'b': {'c': 3u}})",
         R"({"a":[1,2.5,"x",null,true],"b":{"c":3}})"},
        {"[1, 'a\\n\"\\\\\\x01'].encodeJson()", R"([1,"a\n\"\\\u0001"])"},
        {"{1: b'\\xff'}.encodeJson()", R"({"1":"/w=="})"},
        {"json.encode(0.0 / 0.0)", "error: JSON has no NaN"},
        {"json.decode('{\"a\": [1, -2, 2.5, 18446744073709551615, null, \"x\"]}').a[3] == "
         "18446744073709551615u",
         "true"},
        {"type(json.decode('1')) == int && type('1.0'.decodeJson()) == double", "true"},
        {"json.decode('{\"a\": 1, \"a\": 2}').a", "2"},
        {"json.decode('[1, 2')", "error: this is no JSON"},
        {"json.decode('[1] x')", "error: this is no JSON"},
        {"json.decode('\"\\xff\"')", "ÿ"},
        {"'{}'.isJson() && 'null'.isJson() && !'{'.isJson() && !''.isJson()", "true"},
    });
}

TEST_CASE("CEL: hashes, with the vectors of their definitions") {
    check_all({
        {"hash.md5('abc')", "900150983cd24fb0d6963f7d28e17f72"},
        {"'abc'.sha1()", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"hash.sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"hash.sha256('abc', 'base64')", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="},
        {"hash.sha256(b'abc', 'hex') == 'abc'.sha256('hex')", "true"},
        {"'abc'.sha512().substring(0, 16)", "ddaf35a193617aba"},
        {"hash.crc32('123456789')", "cbf43926"},
        {"hash.crc64('123456789')", "b90956c775a41001"},
        {"hash.xxhash64('')", "ef46db3751d8e999"},
        {"'abc'.xxhash64()", "44bc2cf5ad770999"},
        {"hash.xxhash64('Nobody inspects the spammish repetition')", "fbcea83c8a378bf1"},
        {"hash.md5('abc', 'octal')", "error: a hash is written as"},
    });
}

TEST_CASE("CEL: URLs and query strings") {
    check_all({
        {"url.escape('a b/c?d=e&f+g~h')", "a%20b%2Fc%3Fd%3De%26f%2Bg~h"},
        {"'100%'.escapeUrl()", "100%25"},
        {"url.unescape('a%20b+c%2F')", "a b c/"},
        {"'%zz'.unescapeUrl()", "error: a '%'"},
        {"'%4'.unescapeUrl()", "error: a '%'"},
        {"url.parse('https://u:p@example.com:8443/a%20b?x=1&x=2#f')",
         R"({"raw":"https://u:p@example.com:8443/a%20b?x=1&x=2#f","scheme":"https","authority":"example.com:8443",)"
         R"("user_password":"u:p","host":"example.com","port":8443,"path":"/a b","raw_path":"/a%20b","query":"x=1&x=2",)"
         R"("query_params":{"x":["1","2"]},"uri":"/a%20b?x=1&x=2"})"},
        {"'http://[2001:db8::1]/'.parseUrl().host", "[2001:db8::1]"},
        {"'http://[2001:db8::1]:81/'.parseUrl().port", "81"},
        {"'http://example.com'.parseUrl().port", "80"},
        {"url.parse('http://example.com:99999/')", "error: this is no URL"},
        {"url.parse('http://exa mple.com/')", "error: this is no URL"},
        {"'https://example.com/x'.isURL() && !'/x'.isURL() && !'mailto:a@b'.isURL() && !'http://'.isURL()",
         "true"},
        {"queryString.decode('?a=1&b=x%20y&a=2&c&=d')", R"({"a":["1","2"],"b":["x y"],"c":[""],"":["d"]})"},
        {"'a=%'.decodeQueryString()", "error: a '%'"},
        {"queryString.encode({'a': ['1', '2'], 'b': 'x y', 'c': 3})", "a=1&a=2&b=x%20y&c=3"},
        {"{'a': {}}.encodeQueryString()", "error: a query has texts"},
        {"'a=1&b'.isQueryString() && !'a'.isQueryString() && !'a=%g'.isQueryString() && !'a= "
         "b'.isQueryString()",
         "true"},
    });
}

TEST_CASE("CEL: addresses") {
    check_all({
        {"inCidrRange('10.1.2.3', '10.0.0.0/8')", "true"},
        {"inCidrRange('11.1.2.3', '10.0.0.0/8')", "false"},
        {"inCidrRange('10.1.2.3', '10.1.2.3')", "true"},
        {"inCidrRange('10.1.2.3', '10.0.0.0/99')", "false"},
        {"inCidrRange('nonsense', '0.0.0.0/0')", "false"},
        {"inCidrRange('::1', '0.0.0.0/0')", "false"},
        {"inCidrRange('10.1.2.3', '::/0')", "false"},
        {"inCidrRange('2001:db8:1::5', '2001:db8::/32')", "true"},
        {"inCidrRange('10.1.2.3', '10.' + '0.0.0/8')", "true"},
        {"inCidrRanges('10.1.2.3', ['bad', '192.168.0.0/16', '10.1.2.0/23'])", "true"},
        {"inCidrRanges('10.1.4.3', ['bad', '192.168.0.0/16', '10.1.2.0/23'])", "false"},
        {"inCidrRanges('10.1.2.3', ['bad', '10.' + '0.0.0/8'])", "true"},
        {"inCidrRanges('10.1.2.3', [])", "false"},
        {"inCidrRanges('10.1.2.3', [1])",
         "compile: line 1, column 1: there is no inCidrRanges(string, list(int)); there is"},
        {"['10.1.1.1', '172.31.0.1', '192.168.1.1', 'fd00::1'].all(a, a.isPrivateIp())", "true"},
        {"['8.8.8.8', '172.32.0.1', '2001:db8::1', 'x', ''].exists(a, a.isPrivateIp())", "false"},
    });
}

TEST_CASE("CEL: lists and maps") {
    check_all({
        {"[3, 1, 2].sort()", "[1,2,3]"},
        {"['b', 'a'].sort()", R"(["a","b"])"},
        {"[1, 2.5, 2u].sort()", "[1,2,2.5]"},
        {"[1, 'a'].sort()", "error: these elements have no order"},
        {"[0.0 / 0.0, 1.0].sort()", "error: these elements have no order"},
        {"[[1], [2]].sort()", "error: these elements have no order"},
        {"[3, 1, 2].sortBy(e, -e)", "[3,2,1]"},
        {"[{'n': 2}, {'n': 1}].sortBy(e, e.n)[0].n", "1"},
        {"[1, 2, 1, 1.0, 'a', 'a'].distinct()", R"([1,2,"a"])"},
        {"[1, [2, [3]]].flatten()", "[1,2,[3]]"},
        {"[1, [2, [3]]].flatten(2)", "[1,2,3]"},
        {"[1, [2]].flatten(0)", "[1,[2]]"},
        {"[1].flatten(-1)", "error: flatten() needs"},
        {"[1, 2, 3, 4].slice(1, 3)", "[2,3]"},
        {"[1, 2, 3].slice(1)", "[2,3]"},
        {"[1].slice(0, 2)", "error: slice(0, 2) is outside"},
        {"[1].slice(1, 0)", "error: slice(1, 0) is outside"},
        {"['a', 'b'].join(', ')", "a, b"},
        {"['a', dyn(1)].join()", "error: join() takes strings only"},
        {"[1, 2].reverse()", "[2,1]"},
        {"lists.range(3)", "[0,1,2]"},
        {"lists.range(-1)", "error: lists.range()"},
        {"[1, 2, 3].map(x, x > 1, x * x)", "[4,9]"},
        {"{'a': 1, 'b': 2}.filter(k, k != 'a')", R"(["b"])"},
        {"{'a': 1}.map(k, k + '!')", R"(["a!"])"},
        {"[[1, 2], [3]].map(x, x.map(y, y + size(x)))", "[[3,4],[4]]"},
        {"[1, 2].exists(x, [3].all(x, x == 3))", "true"},
        {"size({'a': 1}) + [1].size() + size('äö') + size(b'\\x00')", "5"},
    });
}

TEST_CASE("CEL: strings beyond the public cases") {
    check_all({
        {"'ÄÖÜ ŠŽ ΑΩ ПРИВЕТ Ё'.lower()", "äöü šž αω привет ё"},
        {"'straße šž αω привет ё'.upper()", "STRAßE ŠŽ ΑΩ ПРИВЕТ Ё"},
        {"'×÷'.upper() + '×÷'.lower()", "×÷×÷"},
        {"'aäb'.reverse()", "bäa"},
        {"'aXbX'.replace('', '-')", "-a-X-b-X-"},
        {"'ä'.replace('', '-')", "-ä-"},
        {"'aaa'.replace('a', 'b', 0)", "aaa"},
        {"'abc'.split('')", R"(["a","b","c"])"},
        {"'abc'.split('', 2)", R"(["a","bc"])"},
        {"''.split(',')", R"([""])"},
        {"''.split('')", "[]"},
        {"'a,b,'.split(',')", R"(["a","b",""])"},
        {"'abc'.charAt(3)", ""},
        {"'abc'.charAt(4)", "error: the place 4"},
        {"'abc'.substring(2, 1)", "error: a substring cannot end"},
        {"'abc'.indexOf('c', -1)", "error: the place -1"},
        {"'Hello'.matches('^[A-Z][a-z]+$')", "true"},
        {"matches('Hello', 'ell')", "true"},
        {"'abc'.matches('(')",
         "compile: line 1, column 15: the regular expression is wrong (RE2 syntax): missing )"},
        {"'abc'.matches('(' + '')", "error: the regular expression is wrong"},
        {"'aaab'.matches('a{1' + '000}b')", "false"},
        {"'%d%%'.format([5])", "5%"},
        {"'%d'.format([])", "error: the format has more '%'"},
        {"'%y'.format([1])", "error: the format has no '%y'"},
        {"'%.2000f'.format([1.0])", "error: the format has a wrong precision"},
        {"'%'.format([1])", "error: the format ends"},
        {"'%.3'.format([1])", "error: the format ends"},
        {"'%x'.format([-255])", "-ff"},
        {"'%.1000f'.format([1e308]).size() == 309 + 1 + 1000", "true"},
        {"strings.quote('\\x01')", "\"\x01\""},
    });
}

TEST_CASE("CEL: randomness comes from the activation") {
    check_all({
        {"rand.double() == rand.double() && rand.double() < 1.0 && rand.double() >= 0.0", "true"},
        {"rand.int(5, 5)", "5"},
        {"rand.int(1, 6) == rand.int(1, 6) && rand.int(1, 6) in [1, 2, 3, 4, 5, 6]", "true"},
        {"rand.int(-9223372036854775808, 9223372036854775807)", "6510615555426900570"},
        {"rand.int(2, 1)", "error: rand.int(min, max) needs"},
        {"rand.int() in [0, 1]", "true"},
    });
}

TEST_CASE("CEL: times") {
    check_all({
        {"timestamp('2024-02-29T12:00:00Z') + duration('24h')", "2024-03-01T12:00:00Z"},
        {"timestamp('2024-03-01T00:30:00+01:00')", "2024-02-29T23:30:00Z"},
        {"timestamp('2023-02-29T12:00:00Z')",
         "error: '2023-02-29T12:00:00Z' cannot be converted to timestamp"},
        {"timestamp('2023-02-28 12:00:00Z')", "error: "},
        {"timestamp('1969-12-31T23:59:59.5Z')", "1969-12-31T23:59:59.5Z"},
        {"timestamp('0001-01-01T00:00:00Z').getDayOfWeek()", "1"},
        {"timestamp('2000-12-31T00:00:00Z').getDayOfYear()", "365"},
        {"timestamp('2024-01-01T00:30:00Z').getFullYear('-01:00')", "2023"},
        {"timestamp('2024-01-01T00:30:00Z').getHours('Mars/Base')", "error: the time zone 'Mars/Base' is not known"},
        {"timestamp('2024-01-01T00:30:00Z').getHours('Europe')", "error: the time zone"},
        {"timestamp('2024-01-01T00:30:00Z').getHours('')", "0"},
        {"timestamp('2024-03-31T00:59:59Z').getHours('Europe/Berlin')", "1"},
        {"timestamp('2024-03-31T01:00:00Z').getHours('Europe/Berlin')", "3"},
        {"timestamp('2024-10-27T00:59:59Z').getHours('Europe/Berlin')", "2"},
        {"timestamp('2024-10-27T01:00:00Z').getHours('Europe/Berlin')", "2"},
        {"timestamp('2024-07-01T12:00:00Z').getHours('America/New_York')", "8"},
        {"timestamp('2024-12-01T12:00:00Z').getHours('America/New_York')", "7"},
        {"timestamp('2024-12-01T12:00:00Z').getHours('Australia/Sydney')", "23"},
        {"timestamp('2024-07-01T12:00:00Z').getHours('Australia/Sydney')", "22"},
        {"timestamp('2024-01-01T12:00:00Z').getMinutes('Asia/Kathmandu')", "45"},
        {"timestamp('2024-07-01T12:00:00Z').getHours('Europe/Dublin')", "13"},
        {"timestamp('2024-12-01T12:00:00Z').getHours('Europe/Dublin')", "12"},
        {"timestamp('2024-12-01T12:00:00Z').getHours('Pacific/Kiritimati')", "2"},
        {"timestamp('2024-01-01T00:30:00Z').getHours('+25:00')", "error: the time zone"},
        {"duration('1h2m3.5s')", "3723.5s"},
        {"duration('-1.5h') == duration('-90m')", "true"},
        {"duration('-0.25s')", "-0.25s"},
        {"duration('1.5us').getMilliseconds() == 0 && duration('1500us') == duration('1.5ms')", "true"},
        {"duration('1')", "error: '1' cannot be converted to duration"},
        {"duration('1d')", "error: "},
        {"duration('.s')", "error: "},
        {"duration('9223372036.854775807s') > duration('0s')", "true"},
        {"duration('9223372036.854775808s')", "error: "},
        {"duration('-9223372036.854775808s') - duration('1ns')", "error: the time is out of range"},
    });
}
