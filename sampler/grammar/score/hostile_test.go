package score

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// list joins f(0) to f(n-1) with commas.
func list(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(f(i))
	}
	return b.String()
}

// object joins members "k<i>": f(i).
func members(n int, f func(i int) string) string {
	return "{" + list(n, func(i int) string { return fmt.Sprintf(`"k%d":%s`, i, f(i)) }) + "}"
}

// pattern is the schema of strings of a pattern.
func pattern(p string) string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return `{"type":"string","pattern":` + string(b) + `}`
}

// hostile are schemas that cost a careless decoder time or memory without bound.
func hostile() map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{hostilePatterns(), hostileBounds(), hostileReferences(), hostileBranches(), hostileSizes()} {
		maps.Copy(all, m)
	}
	return all
}

func hostilePatterns() map[string]string {
	rep := strings.Repeat
	return map[string]string{
		"nested groups":               pattern(rep("(", 60000) + "a" + rep(")", 60000)),
		"nested stars":                pattern("^" + rep("(", 200) + "a" + rep(")*", 200) + "$"),
		"alternation, doubling":       pattern("^(" + rep("(a|aa)", 40) + ")*$"),
		"optional then required":      pattern("^" + rep("a?", 60) + rep("a", 60) + "$"),
		"catastrophic":                pattern("^(([a-z]+)+)+!$"),
		"counted in counted":          pattern("^([a-z]{1,1000}){1,1000}$"),
		"counted thrice":              pattern("^(((a{1,1000}){1,1000}){1,1000})$"),
		"count of a thousand million": pattern("^a{1000000000}$"),
		"overlapping counts":          pattern("^.*a.{2000}$"),
		"far look-back":               pattern("a[ab]{24}$"),
		"a megabyte of letters":       pattern("^" + rep("a", 1<<20) + "$"),
		"a megabyte of classes":       pattern("^" + rep("[a-z0-9]", 1<<17) + "$"),
		"a hundred thousand words":    pattern("^(" + strings.ReplaceAll(list(100000, func(i int) string { return fmt.Sprintf("w%dx", i*7919) }), ",", "|") + ")$"),
		"words behind stars":          pattern("^(.*(" + strings.ReplaceAll(list(500, func(i int) string { return fmt.Sprintf("%x", i*7919) }), ",", "|") + ").*){5}$"),
		"many classes":                pattern("^(" + strings.ReplaceAll(list(2000, func(i int) string { return fmt.Sprintf(`[\u%04x-\u%04x]`, 0x100+3*i, 0x180+4*i) }), ",", "|") + ")*$"),
		"look-aheads":                 pattern("^" + rep("(?=.*[a-z].*[0-9])(?!.*ab.*cd)", 40) + ".*$"),
		"intersection":                `{"allOf":[` + list(40, func(i int) string { return pattern(fmt.Sprintf("^(.{%d})*$", i+2)) }) + `]}`,
		"intersection of look-backs":  `{"allOf":[` + list(30, func(i int) string { return pattern(fmt.Sprintf("^.*[a-%c].{%d}$", 'b'+i%20, i+3)) }) + `]}`,
		"union of negations":          `{"type":"string","anyOf":[` + list(60, func(i int) string { return `{"not":` + pattern(fmt.Sprintf("a.{%d}b", i)) + `}` }) + `]}`,
		"not of everything":           `{"type":"string","allOf":[` + list(60, func(i int) string { return `{"not":` + pattern(fmt.Sprintf("a.{%d}b", i)) + `}` }) + `]}`,
		"pattern with lengths":        `{"type":"string","pattern":"(ab|ba|aab)*c(.*x){50}","minLength":5000,"maxLength":5003}`,
		"many pattern properties":     `{"type":"object","patternProperties":{` + list(60, func(i int) string { return fmt.Sprintf(`".*%c.{%d}":{"minimum":%d}`, 'a'+i%26, i%7, i) }) + `}}`,
		"key patterns that count":     `{"type":"object","minProperties":3,"propertyNames":` + pattern("^(a|b)*a(a|b){30}$") + `}`,
		"control characters":          pattern("^[\x01-\x1f\\u0000-\\uffff]{1,300}$"),
		"broken pattern":              pattern("(["),
	}
}

func hostileBounds() map[string]string {
	return map[string]string{
		"minLength":            `{"type":"string","minLength":1000000000}`,
		"minLength, short max": `{"type":"string","minLength":10,"maxLength":5}`,
		"maxLength":            `{"type":"string","maxLength":1000000000}`,
		"minItems":             `{"type":"array","minItems":1000000000}`,
		"minItems of objects":  `{"type":"array","minItems":1000000,"items":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}}`,
		"minProperties":        `{"type":"object","minProperties":1000000000}`,
		"minProperties of few": `{"type":"object","minProperties":101,"propertyNames":{"pattern":"^[a-j][0-9]$"}}`,
		"minContains":          `{"type":"array","contains":{"type":"integer"},"minContains":1000000}`,
		"many contains":        `{"type":"array","maxItems":12,"allOf":[` + list(30, func(i int) string { return fmt.Sprintf(`{"contains":{"multipleOf":%d}}`, i+2) }) + `]}`,
		"huge exponent":        `{"type":"number","minimum":1e1000000,"maximum":1e1000001}`,
		"huger exponent":       `{"type":"number","minimum":1e99999999999999999999}`,
		"tiny multiple":        `{"type":"number","multipleOf":1e-400}`,
		"huge multiple":        `{"type":"integer","multipleOf":1` + strings.Repeat("0", 2000) + `1}`,
		"multiples of primes":  `{"type":"integer","allOf":[` + list(200, func(i int) string { return fmt.Sprintf(`{"multipleOf":%d}`, 1009+2*i) }) + `]}`,
		"no multiples":         `{"type":"integer","allOf":[` + list(100, func(i int) string { return fmt.Sprintf(`{"not":{"multipleOf":%d}}`, 2+i) }) + `]}`,
		"long digits":          `{"const":` + strings.Repeat("7", 100000) + `}`,
		"pigeonhole":           `{"type":"array","uniqueItems":true,"minItems":11,"items":{"enum":[` + list(10, func(i int) string { return fmt.Sprint(i) }) + `]}}`,
		"unique thousands":     `{"type":"array","uniqueItems":true,"minItems":5000,"items":{"type":"integer","minimum":1,"maximum":5000}}`,
		"unique matching": `{"type":"array","uniqueItems":true,"minItems":24,"prefixItems":[` + list(24, func(i int) string {
			return `{"enum":[` + list(23, func(j int) string { return fmt.Sprint((i * j) % 23) }) + `]}`
		}) + `]}`,
		"negative length": `{"minLength":-1}`,
	}
}

func hostileReferences() map[string]string {
	rep := strings.Repeat
	chain := func(n int, f string) string {
		return `{"$ref":"#/$defs/k0","$defs":` + members(n, func(i int) string {
			if i == n-1 {
				return `{"type":"integer"}`
			}
			return strings.ReplaceAll(f, "@", fmt.Sprintf(`{"$ref":"#/$defs/k%d"}`, i+1))
		}) + `}`
	}
	return map[string]string{
		"itself":                 `{"$ref":"#"}`,
		"each other":             `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`,
		"not itself":             `{"not":{"$ref":"#"}}`,
		"itself or itself":       `{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}`,
		"endless object":         `{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`,
		"endless array":          `{"type":"array","items":{"$ref":"#"},"minItems":1}`,
		"recursive and negated":  `{"type":"object","properties":{"a":{"$ref":"#"},"b":{"not":{"$ref":"#"}}}}`,
		"doubling":               chain(40, `{"allOf":[@,@]}`),
		"doubling by choice":     chain(40, `{"anyOf":[@,{"type":"array","items":@}]}`),
		"doubling by one":        chain(40, `{"oneOf":[@,{"type":"array","items":@}]}`),
		"doubling properties":    chain(200, `{"type":"object","properties":{"a":@,"b":@},"required":["a","b"]}`),
		"tower of arrays":        chain(5000, `{"type":"array","items":@}`),
		"tower that must be":     chain(3000, `{"type":"array","items":@,"minItems":1}`),
		"chain":                  chain(50000, `@`),
		"deep schema":            rep(`{"items":`, 100000) + "{}" + rep("}", 100000),
		"deep not":               rep(`{"not":`, 5000) + `{"type":"null"}` + rep("}", 5000),
		"deep choice":            rep(`{"anyOf":[{"type":"null"},`, 3000) + `{"type":"string"}` + rep("]}", 3000),
		"remote":                 `{"$ref":"http://169.254.169.254/latest/meta-data"}`,
		"file":                   `{"$ref":"file:///etc/passwd"}`,
		"pointer into a keyword": `{"$ref":"#/enum/0","enum":[{"$ref":"#/enum/0"}]}`,
		"missing":                `{"$ref":"#/$defs/none"}`,
		"two recursive":          `{"$defs":{"t":{"type":"object","properties":{"l":{"$ref":"#/$defs/t"},"r":{"$ref":"#/$defs/t"}},"additionalProperties":false},"u":{"type":"object","properties":{"l":{"$ref":"#/$defs/u"},"r":{"type":"object"}},"required":["r"]}},"allOf":[{"$ref":"#/$defs/t"},{"$ref":"#/$defs/u"}]}`,
		"dynamic":                `{"$dynamicAnchor":"n","$dynamicRef":"#n"}`,
	}
}

func hostileBranches() map[string]string {
	choice := func(i int) string {
		return fmt.Sprintf(`{"anyOf":[{"required":["a%d"]},{"required":["b%d"]},{"properties":{"c%d":{"type":"string"}}}]}`, i, i, i)
	}
	return map[string]string{
		"many choices":           `{"type":"object","allOf":[` + list(40, choice) + `]}`,
		"many exclusive choices": `{"type":"object","allOf":[` + strings.ReplaceAll(list(30, choice), "anyOf", "oneOf") + `]}`,
		"one of hundreds": `{"oneOf":[` + list(400, func(i int) string {
			return fmt.Sprintf(`{"type":"object","properties":{"a":{"type":"integer","minimum":%d}}}`, i)
		}) + `]}`,
		"one of patterns": `{"oneOf":[` + list(60, func(i int) string { return pattern(fmt.Sprintf("a.{%d}b", i)) }) + `]}`,
		"ifs": `{"type":"object","allOf":[` + list(200, func(i int) string {
			return fmt.Sprintf(`{"if":{"properties":{"k%d":{"const":%d}}},"then":{"required":["k%d"]},"else":{"required":["k%d"]}}`, i, i, (i+1)%200, (i+2)%200)
		}) + `]}`,
		"dependents": `{"type":"object","dependentRequired":` + members(1000, func(i int) string { return fmt.Sprintf(`["k%d"]`, (i+1)%1000) }) + `}`,
		"dependent schemas": `{"type":"object","dependentSchemas":` + members(60, func(i int) string {
			return fmt.Sprintf(`{"minProperties":%d,"properties":{"k%d":{"maximum":%d}}}`, i%7, (i+1)%60, i)
		}) + `}`,
		"unevaluated": `{"type":"object","unevaluatedProperties":false,"anyOf":[` + list(30, func(i int) string {
			return fmt.Sprintf(`{"properties":{"k%d":{"type":"integer"}},"required":["k%d"]}`, i, i)
		}) + `]}`,
		"unevaluated, product": `{"type":"object","unevaluatedProperties":false,"allOf":[` + list(12, func(i int) string {
			return fmt.Sprintf(`{"anyOf":[{"properties":{"a%d":{"type":"integer"}},"required":["a%d"]},{"properties":{"b%d":true}}]}`, i, i, i)
		}) + `]}`,
		"satisfiability": `{"type":"object","properties":` + members(30, func(int) string { return `{"type":"boolean"}` }) + `,"required":[` + list(30, func(i int) string { return fmt.Sprintf(`"k%d"`, i) }) + `],"allOf":[` + list(129, func(i int) string {
			return fmt.Sprintf(`{"anyOf":[{"properties":{"k%d":{"const":%v}}},{"properties":{"k%d":{"const":%v}}},{"properties":{"k%d":{"const":%v}}}]}`, i*7%30, i%2 == 0, i*11%30, i%3 == 0, (i*13+5)%30, i%5 == 0)
		}) + `]}`,
		"forbidden keys":   `{"type":"object","not":{"anyOf":[` + list(300, func(i int) string { return fmt.Sprintf(`{"required":["k%d"]}`, i) }) + `]}}`,
		"contains and not": `{"type":"array","contains":{"enum":[1,2]},"not":{"contains":{"enum":[2,3]}},"minItems":3,"uniqueItems":true}`,
		"malformed":        `{"type":"objekt","properties":[],"required":"a","enum":{}}`,
	}
}

func hostileSizes() map[string]string {
	return map[string]string{
		"enum of a million": `{"enum":[` + list(1000000, func(i int) string { return fmt.Sprint(i) }) + `]}`,
		"enum of strings":   `{"enum":[` + list(100000, func(i int) string { return fmt.Sprintf(`"%x"`, i*7919) }) + `]}`,
		"enum of objects":   `{"enum":[` + list(5000, func(i int) string { return fmt.Sprintf(`{"a":%d,"b":[%d,%d]}`, i%70, i, i*3) }) + `]}`,
		"big const":         `{"const":` + members(20000, func(i int) string { return fmt.Sprint(i) }) + `}`,
		"deep const":        `{"const":` + strings.Repeat("[", 50000) + strings.Repeat("]", 50000) + `}`,
		"many properties":   `{"type":"object","properties":` + members(100000, func(int) string { return `{"type":"string"}` }) + `}`,
		"many required":     `{"type":"object","properties":` + members(2000, func(int) string { return `{"type":"string"}` }) + `,"required":[` + list(2000, func(i int) string { return fmt.Sprintf(`"k%d"`, i) }) + `]}`,
		"many schemas": `{"anyOf":[` + list(20000, func(i int) string {
			return fmt.Sprintf(`{"type":"object","properties":{"a%d":{"type":"string"}},"required":["a%d"]}`, i, i)
		}) + `]}`,
		"long key":                `{"type":"object","required":["` + strings.Repeat("k", 1<<20) + `"]}`,
		"long description":        `{"type":"object","description":"` + strings.Repeat("d", 8<<20) + `"}`,
		"many formats":            `{"type":"string","allOf":[{"format":"uri"},{"format":"email"},{"format":"hostname"},{"format":"ipv6"},{"format":"date-time"}]}`,
		"formats that may not be": `{"type":"string","allOf":[{"not":{"format":"date-time"}},{"not":{"format":"ipv6"}},{"not":{"format":"uuid"}},{"not":{"format":"json-pointer"}}],"minLength":40}`,
	}
}

// hostileNames are the names of hostile in order.
func hostileNames() []string { return slices.Sorted(maps.Keys(hostile())) }
