import assert from "node:assert/strict";
import { test } from "node:test";
import { change, duration, money, moneyAt, percent, price, relative, short, time, visible } from "./format.ts";

test("money has two digits from a dollar on, else four that count, and never an exponent", () => {
  assert.equal(money(12_345_678), "$12.35");
  assert.equal(money(1_234_567_890_000), "$1,234,567.89");
  assert.equal(money(123_456), "$0.1235");
  assert.equal(money(999_960), "$1.00");
  assert.equal(money(1), "$0.000001");
  assert.equal(money(0), "$0");
  assert.equal(money(-2_000_000), "−$2.00");
  assert.equal(money(null), "–");
});

test("prices are told to the last digit", () => {
  assert.equal(price(2.294), "$2.294");
  assert.equal(price(15.7), "$15.70");
  assert.equal(price(0.0028), "$0.0028");
  assert.equal(price(0), "$0");
});

test("all values of an axis have the same digits", () => {
  const axis = [0, 200_000, 400_000, 1_000_000];
  assert.deepEqual(
    axis.map((value) => moneyAt(value, axis)),
    ["$0.0", "$0.2", "$0.4", "$1.0"],
  );
  assert.equal(moneyAt(5e8, [0, 5e8]), "$500");
});

test("shares and changes", () => {
  assert.equal(percent(0.1234), "12.3 %");
  assert.equal(percent(1), "100 %");
  assert.equal(percent(0.0001), "<0.1 %");
  assert.equal(percent(null), "–");
  assert.equal(change(118, 100), "+18 %");
  assert.equal(change(50, 100), "−50 %");
  assert.equal(change(5, 0), null);
  assert.equal(change(1000, 1001), "±0 %");
});

test("durations and large numbers", () => {
  assert.equal(duration(999), "999 ms");
  assert.equal(duration(999.6), "1.00 s");
  assert.equal(duration(1234), "1.23 s");
  assert.equal(duration(9_996), "10.0 s");
  assert.equal(duration(59_960), "1 min 0 s");
  assert.equal(duration(3_599_600), "1 h 0 min");
  assert.equal(duration(61_000), "1 min 1 s");
  assert.equal(duration(7_260_000), "2 h 1 min");
  assert.equal(short(9999), "9,999");
  assert.equal(short(1_523_456), "1.52M");
  assert.equal(short(45_600, "zh-CN"), "4.56万");
});

test("times are those of the zone", () => {
  const moment = Date.UTC(2026, 10, 29, 23, 30);
  assert.equal(time(moment, "hour", "en-GB", "Asia/Kathmandu"), "05:15");
  assert.equal(time(moment, "hour", "en-GB", "UTC"), "23:30");
  assert.equal(relative(moment - 7_200_000, moment, "en-GB"), "2 hr ago");
  assert.equal(relative(moment - 59_600, moment, "en-GB"), "1 min ago");
  assert.equal(relative(moment - 3_590_000, moment, "en-GB"), "1 hr ago");
  // A quarter to midnight, and midnight before.
  assert.equal(relative(moment - 85_500_000, moment, "en-GB"), "24 hr ago");
  assert.equal(relative(moment - 86_400_000, moment, "en-GB"), "1 day ago");
  assert.equal(relative(moment + 90_000_000, moment, "en-GB"), "in 1 day");
  assert.equal(relative(moment - 47 * 3_600_000, moment, "en-GB"), "2 days ago");
  assert.equal(relative(moment, moment, "en-GB"), "now");
  assert.equal(relative(moment + 3_000, moment, "en-GB"), "in 3 sec");
});

test("controls of direction are made visible", () => {
  assert.equal(visible("gpt\u202e5"), "gpt\\u202e5");
});
