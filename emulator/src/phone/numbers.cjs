// Writes numbers.tsv, what Google's own libphonenumber says of every example number in its metadata and of their neighbours:
//
//   npm install google-libphonenumber@3.2.47 && node numbers.cjs > numbers.tsv     (in a folder of its own)
//
// A line is: the number as it was given, its type (- when it is no valid number), its region, and its E.164 form when that is
// not the number as given.

const { PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil } = require("google-libphonenumber");

const util = PhoneNumberUtil.getInstance();
const typeNames = Object.fromEntries(Object.entries(PhoneNumberType).map(([name, value]) => [value, name]));
const types = Object.values(PhoneNumberType).filter((type) => type >= 0);

/** A generator with a fixed seed: the file must not change with each run. */
let state = 42;
function random(below) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

const examples = [];
for (const region of util.getSupportedRegions()) {
  for (const type of types) examples.push([util.getExampleNumberForType(region, type), util.getNddPrefixForRegion(region, true)]);
}
for (const code of util.getSupportedGlobalNetworkCallingCodes()) examples.push([util.getExampleNumberForNonGeoEntity(code), null]);

const given = new Set();
for (const [example, prefix] of examples) {
  if (!example) continue;
  const code = `+${example.getCountryCode()}`;
  const national = util.getNationalSignificantNumber(example);
  given.add(code + national);
  // As people write it who leave the national prefix in.
  if (prefix) given.add(code + prefix + national);
  // Another first digit, another second one, other last ones, one digit less and one more.
  const other = [...national];
  given.add(`${code}${random(10)}${national.slice(1)}`);
  given.add(`${code}${national[0]}${random(10)}${national.slice(2)}`);
  for (let index = 0; index < 3; index += 1) other[other.length - 1 - random(Math.min(5, other.length - 2))] = random(10);
  given.add(code + other.join(""));
  given.add(random(2) ? code + national.slice(0, -1) : `${code}${national}${random(10)}`);
}

for (const text of [...given].sort()) {
  let fields = [text, "-"];
  try {
    const number = util.parse(text);
    if (util.isValidNumber(number)) {
      const e164 = util.format(number, PhoneNumberFormat.E164);
      fields = [text, typeNames[util.getNumberType(number)], util.getRegionCodeForNumber(number), ...(e164 === text ? [] : [e164])];
    }
  } catch {
    // What cannot be parsed is no valid number either.
  }
  console.log(fields.join("\t"));
}
