use super::Fixture;
use crate::Profile;

#[track_caller]
fn check(rows: &[(&str, &str)]) {
    let mut f = Fixture::new(Profile::V4_1);
    for (expression, expect) in rows {
        f.check(&format!("SELECT {expression}"), expect);
    }
}

#[test]
fn texts() {
    check(&[
        (
            "concat('a', 1, 1.50, date('2025-01-02'))",
            "a11.502025-01-02",
        ),
        ("concat('a', NULL)", "NULL"),
        ("concat_ws('-', 'a', NULL, 'b')", "a-b"),
        (
            "substring('hello', 2, 3), substr('hello', -3), left('hello', 2), right('hello', 2)",
            "ell|llo|he|lo",
        ),
        ("SUBSTRING('hello' FROM 2 FOR 2)", "el"),
        ("length('äb'), char_length('äb')", "3|2"),
        (
            "upper('ä'), lower('Ä'), reverse('abc'), trim('  x '), ltrim(' x'), rtrim('x ')",
            "Ä|ä|cba|x|x|x",
        ),
        (
            "replace('aXbX', 'X', '-'), repeat('ab', 2), lpad('7', 3, '0'), rpad('7', 3, 'ab')",
            "a-b-|abab|007|7ab",
        ),
        (
            "locate('l', 'hello'), locate('l', 'hello', 4), instr('hello', 'lo')",
            "3|4|4",
        ),
        (
            "split_part('a,b,c', ',', 2), split_part('a,b', ',', -1), substring_index('a.b.c', '.', 2)",
            "b|b|a.b",
        ),
        (
            "split('a,b', ','), array_length(split('a,b', ','))",
            "[\"a\",\"b\"]|2",
        ),
        ("hex('ab'), hex(255), unhex('6162')", "6162|FF|ab"),
        (
            "'abc' REGEXP '^a.c$', 'abc' RLIKE 'x', regexp_extract('a12b', '[0-9]+', 0)",
            "1|0|12",
        ),
        ("regexp_replace('a1b2', '([0-9])', '<\\\\1>')", "a<1>b<2>"),
        (
            "'a%c' LIKE 'a\\\\%c', 'abc' LIKE 'a\\\\%c', 'a_c' LIKE 'a\\\\_c'",
            "1|0|1",
        ),
        (
            "md5('a'), md5sum('a', 'b')",
            "0cc175b9c0f1b6a831c399e269772661|187ef4436122d1cc2f40dc2b92f0eba0",
        ),
        (
            "md5sum_numeric('a')",
            "16955237001963240173058271559858726497",
        ),
        (
            "murmur_hash3_32('hello'), murmur_hash3_32('hello', 'world'), xx_hash3_64('')",
            "1321743225|984713481|3244421341483603138",
        ),
    ]);
}

#[test]
fn numbers_and_conditions() {
    check(&[
        (
            "abs(-5), abs(-1.50), round(2.5), round(1.255, 2), floor(-1.5), ceil(1.2)",
            "5|1.50|3|1.26|-2|2",
        ),
        (
            "if(1 > 2, 'a', 'b'), ifnull(NULL, 5), nullif(1, 1), coalesce(NULL, NULL, 'x')",
            "b|5|NULL|x",
        ),
        (
            "CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END, CASE 3 WHEN 3 THEN 1.5 ELSE 2 END",
            "b|1.5",
        ),
        ("greatest(1, 10, 9), least(1.5, 10)", "10|1.5"),
        (
            "mod(7, 3), power(2, 10), 5 & 3, 5 | 3, 5 ^ 3, ~5",
            "1|1024|1|7|6|-6",
        ),
        (
            "CAST('12' AS INT), CAST('x' AS INT), CAST(1.9 AS BIGINT), CAST(5 AS STRING)",
            "12|NULL|1|5",
        ),
        (
            "CAST('2025-1-2' AS DATE), CAST('2025-01-02' AS DATETIME), CAST(1 AS DECIMAL(10, 2))",
            "2025-01-02|2025-01-02 00:00:00|1.00",
        ),
        (
            "CAST(9223372036854775807 AS LARGEINT) * 2",
            "18446744073709551614",
        ),
        (
            "TRUE AND NULL, FALSE AND NULL, NOT TRUE, TRUE XOR FALSE, NULL IS NULL",
            "NULL|0|0|1|1",
        ),
        ("isnull(NULL), 1 <=> NULL, NULL <=> NULL", "1|0|1"),
    ]);
}

#[test]
fn times() {
    check(&[
        (
            "now(), now(6), UTC_TIMESTAMP(), CURRENT_TIMESTAMP",
            "2026-11-21 10:00:00|2026-11-21 10:00:00.123456|2026-11-21 10:00:00|2026-11-21 10:00:00",
        ),
        (
            "curdate(), unix_timestamp(), from_unixtime(0), unix_timestamp('1970-01-02')",
            "2026-11-21|1795255200|1970-01-01 00:00:00|86400",
        ),
        (
            "DATE_ADD('2025-01-31', INTERVAL 1 MONTH), date_sub('2025-01-01', INTERVAL 1 SECOND)",
            "2025-02-28 00:00:00|2024-12-31 23:59:59",
        ),
        (
            "UTC_TIMESTAMP() + INTERVAL 20 MINUTE, now() - INTERVAL 1 DAY",
            "2026-11-21 10:20:00|2026-11-20 10:00:00",
        ),
        (
            "TIMESTAMPDIFF(SECOND, '2025-01-01', '2025-01-01 00:01:00'), datediff('2025-01-03', '2025-01-01 23:00:00')",
            "60|2",
        ),
        (
            "TIMESTAMPADD(HOUR, 2, '2025-01-01'), seconds_add('2025-01-01', 5), days_sub('2025-01-01', 1)",
            "2025-01-01 02:00:00|2025-01-01 00:00:05|2024-12-31 00:00:00",
        ),
        (
            "date_trunc('hour', '2025-01-02 03:04:05'), date_trunc('month', CAST('2025-01-22' AS DATE))",
            "2025-01-02 03:00:00|2025-01-01",
        ),
        (
            "time_slice('2025-01-02 17:00:00', INTERVAL 6 HOUR), time_slice('2025-01-02 17:00:00', INTERVAL 6 HOUR, ceil)",
            "2025-01-02 12:00:00|2025-01-02 18:00:00",
        ),
        (
            "date_format('2025-01-02 03:04:05', '%Y%m%d %H'), str_to_date('20250102', '%Y%m%d')",
            "20250102 03|2025-01-02",
        ),
        (
            "year('2025-01-02'), EXTRACT(MONTH FROM '2025-03-02'), dayofweek('2025-01-05'), last_day('2024-02-01')",
            "2025|3|1|2024-02-29",
        ),
        (
            "convert_tz('2025-01-01 00:00:00', '+00:00', 'Asia/Shanghai')",
            "2025-01-01 08:00:00",
        ),
        (
            "DATE '2025-01-02' < now(), '2025-01-02' BETWEEN DATE '2025-01-01' AND DATE '2025-01-03'",
            "1|1",
        ),
    ]);
}

#[test]
fn times_follow_the_sessions_zone() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("SET time_zone = '+08:00'");
    f.check(
        "SELECT now(), UTC_TIMESTAMP(), from_unixtime(0), unix_timestamp('1970-01-01 08:00:00')",
        "2026-11-21 18:00:00|2026-11-21 10:00:00|1970-01-01 08:00:00|0",
    );
}

#[test]
fn nested_values_and_sketches() {
    check(&[
        (
            "parse_json('{\"a\":{\"b\":[1,2]}}') -> '$.a.b[1]', get_json_string('{\"a\":\"x\"}', '$.a')",
            "2|x",
        ),
        (
            "json_length('[1,2]'), json_object('a', 1, 'b', 'x'), json_array(1, NULL, 'x')",
            "2|{\"a\": 1, \"b\": \"x\"}|[1, null, \"x\"]",
        ),
        (
            "[1, 2, 3], ['a'], array_contains([1, 2], 2), array_length([]), [3, 1][2]",
            "[1,2,3]|[\"a\"]|1|0|1",
        ),
        (
            "array_join(['a', 'b'], '-'), array_sort([3, 1, 2])",
            "a-b|[1,2,3]",
        ),
        (
            "bitmap_to_string(bitmap_from_string('3,1,3')), bitmap_count(to_bitmap(7))",
            "1,3|1",
        ),
        ("hll_cardinality(hll_hash('a'))", "1"),
    ]);
}

#[test]
fn aggregates_over_a_series() {
    check(&[
        (
            "SUM(generate_series), COUNT(*), AVG(generate_series) FROM TABLE(generate_series(1, 10))",
            "55|10|5.5",
        ),
        (
            "array_agg(generate_series) FROM TABLE(generate_series(1, 3))",
            "[1,2,3]",
        ),
        (
            "max_by('x', generate_series), stddev(generate_series) FROM TABLE(generate_series(1, 3))",
            "x|0.816496580927726",
        ),
        (
            "bitmap_union_count(to_bitmap(generate_series % 3)) FROM TABLE(generate_series(1, 9))",
            "3",
        ),
        (
            "approx_count_distinct(generate_series % 4) FROM TABLE(generate_series(1, 9))",
            "4",
        ),
    ]);
}
