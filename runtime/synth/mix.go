package synth

import (
	"fmt"
	"slices"
	"strings"

	"orchrt/kernels"
)

// A mix is one of llama.cpp's file types: which block format each tensor gets.
// The rules are those of its quantiser (src/llama-quant.cpp), for dense models;
// the IQ types as with an importance matrix, which most of them require, the
// others as without.
type mix struct {
	name     string
	fileType uint32       // general.file_type
	base     kernels.Type // where no rule below holds
	head     kernels.Type // output.weight, and token_embd.weight where it serves as both
	embed    kernels.Type // token_embd.weight otherwise

	q, k, v, o, gateUp, down []rule // the first that holds decides
}

// rule gives a tensor a type where its place in the model asks for it.
type rule struct {
	typ  kernels.Type
	when func(p place) bool
}

// place is where in a model a tensor stands.
type place struct {
	layer, layers int
	queries       int // query heads for each KV head
	tied          bool
}

func always(place) bool         { return true }
func grouped(p place) bool      { return p.queries >= 4 }
func ungrouped(p place) bool    { return p.queries < 4 }
func firstEighth(p place) bool  { return p.layer < p.layers/8 }
func firstSixteen(p place) bool { return p.layer < p.layers/16 }
func middle(p place) bool       { return p.layer >= p.layers/8 && p.layer < 7*p.layers/8 }
func firstTwo(p place) bool     { return p.layer < 2 }
func firstFour(p place) bool    { return p.layer < 4 }
func spread(p place) bool {
	return p.layer < p.layers/8 || p.layer >= 7*p.layers/8 || (p.layer-p.layers/8)%3 == 2
}

// typeOf is the format of a tensor.
func (m mix) typeOf(r role, p place) kernels.Type {
	var rules []rule
	switch r {
	case roleNorm, roleScale:
		return kernels.F32
	case roleHead:
		return m.head
	case roleEmbed:
		if p.tied {
			return m.head
		}
		return m.embed
	case roleQ:
		rules = m.q
	case roleK:
		rules = m.k
	case roleV:
		rules = m.v
	case roleO:
		rules = m.o
	case roleGateUp:
		rules = m.gateUp
	case roleDown:
		rules = m.down
	}
	if i := slices.IndexFunc(rules, func(c rule) bool { return c.when(p) }); i >= 0 {
		return rules[i].typ
	}
	return m.base
}

// Types returns the names of the file types that can be written.
func Types() []string {
	var names []string
	for _, m := range mixes() {
		names = append(names, m.name)
	}
	return names
}

// mixOf returns the mix of that name, in any case.
func mixOf(name string) (mix, error) {
	all := mixes()
	i := slices.IndexFunc(all, func(m mix) bool { return strings.EqualFold(m.name, name) })
	if i < 0 {
		return mix{}, fmt.Errorf("type %q is unknown; there are %s", name, strings.Join(Types(), ", "))
	}
	return all[i], nil
}

// mixes lists all file types: the plain ones, the K-quants, the IQ types.
func mixes() []mix {
	return slices.Concat(plainMixes(), kMixes(), iqMixes())
}

// plainMixes have one format throughout, the head apart.
func plainMixes() []mix {
	return []mix{
		{name: "F32", fileType: 0, base: kernels.F32, head: kernels.F32, embed: kernels.F32},
		{name: "F16", fileType: 1, base: kernels.F16, head: kernels.F16, embed: kernels.F16},
		{name: "BF16", fileType: 32, base: kernels.BF16, head: kernels.BF16, embed: kernels.BF16},
		{name: "Q8_0", fileType: 7, base: kernels.Q8_0, head: kernels.Q8_0, embed: kernels.Q8_0},
		{name: "Q4_0", fileType: 2, base: kernels.Q4_0, head: kernels.Q6_K, embed: kernels.Q4_0},
		{name: "Q4_1", fileType: 3, base: kernels.Q4_1, head: kernels.Q6_K, embed: kernels.Q4_1},
		{name: "Q5_0", fileType: 8, base: kernels.Q5_0, head: kernels.Q6_K, embed: kernels.Q5_0},
		{name: "Q5_1", fileType: 9, base: kernels.Q5_1, head: kernels.Q6_K, embed: kernels.Q5_1},
		// As checkpoints have it that llama.cpp converts: head and embeddings stay as they were.
		{name: "NVFP4", fileType: 39, base: kernels.NVFP4, head: kernels.BF16, embed: kernels.BF16},
	}
}

// kMixes are the K-quants, from 2 to 6 bits.
func kMixes() []mix {
	const q2, q3, q4, q5, q6 = kernels.Q2_K, kernels.Q3_K, kernels.Q4_K, kernels.Q5_K, kernels.Q6_K
	return []mix{
		{name: "Q2_K", fileType: 10, base: q2, head: q6, embed: q2,
			v: []rule{{q4, grouped}, {q3, ungrouped}}, o: []rule{{q3, always}}, down: []rule{{q3, always}}},
		{name: "Q2_K_S", fileType: 21, base: q2, head: q6, embed: q2,
			v: []rule{{q4, grouped}}, down: []rule{{q4, firstEighth}}},
		{name: "Q3_K_S", fileType: 11, base: q3, head: q6, embed: q3},
		{name: "Q3_K_M", fileType: 12, base: q3, head: q6, embed: q3,
			v: []rule{{q5, firstTwo}, {q4, always}}, o: []rule{{q4, always}},
			down: []rule{{q5, firstSixteen}, {q4, always}}},
		{name: "Q3_K_L", fileType: 13, base: q3, head: q6, embed: q3,
			v: []rule{{q5, always}}, o: []rule{{q5, always}}, down: []rule{{q5, always}}},
		{name: "Q4_K_S", fileType: 14, base: q4, head: q6, embed: q4,
			v: []rule{{q5, firstFour}}, down: []rule{{q5, firstEighth}}},
		{name: "Q4_K_M", fileType: 15, base: q4, head: q6, embed: q4,
			v: []rule{{q6, spread}}, down: []rule{{q6, spread}}},
		{name: "Q5_K_S", fileType: 16, base: q5, head: q6, embed: q5},
		{name: "Q5_K_M", fileType: 17, base: q5, head: q6, embed: q5,
			v: []rule{{q6, spread}}, down: []rule{{q6, spread}}},
		{name: "Q6_K", fileType: 18, base: q6, head: q6, embed: q6},
	}
}

// iqMixes are the codebook types, from 1 to 4 bits.
func iqMixes() []mix {
	const q2, q4, q5, q6 = kernels.Q2_K, kernels.Q4_K, kernels.Q5_K, kernels.Q6_K
	const iq2xxs, iq2s, iq3xxs, iq3s = kernels.IQ2XXS, kernels.IQ2S, kernels.IQ3XXS, kernels.IQ3S
	low := func(name string, fileType uint32, base, more kernels.Type, o []rule) mix { // below 3 bits
		return mix{name: name, fileType: fileType, base: base, head: q5, embed: more,
			v: []rule{{q4, grouped}, {more, ungrouped}}, o: o, down: []rule{{more, firstEighth}}}
	}
	return []mix{
		low("IQ1_S", 24, kernels.IQ1S, q2, []rule{{iq2xxs, always}}),
		low("IQ1_M", 31, kernels.IQ1M, q2, []rule{{iq2xxs, always}}),
		low("IQ2_XXS", 19, iq2xxs, q2, nil),
		low("IQ2_XS", 20, kernels.IQ2XS, q2, nil),
		low("IQ2_S", 28, kernels.IQ2XS, iq3s, []rule{{iq3s, always}}),
		low("IQ2_M", 29, iq2s, iq3s, []rule{{iq3s, always}}),
		{name: "IQ3_XXS", fileType: 23, base: iq3xxs, head: q5, embed: iq3s,
			q: []rule{{iq2s, always}}, k: []rule{{iq2s, always}},
			v: []rule{{q4, grouped}}, o: []rule{{iq3s, always}}},
		{name: "IQ3_XS", fileType: 22, base: iq3s, head: q6, embed: iq3s,
			q: []rule{{iq3xxs, always}}, k: []rule{{iq3xxs, always}},
			v: []rule{{q4, grouped}}, gateUp: []rule{{iq3xxs, middle}}},
		{name: "IQ3_S", fileType: 26, base: iq3s, head: q6, embed: iq3s, v: []rule{{q4, grouped}}},
		{name: "IQ3_M", fileType: 27, base: iq3s, head: q6, embed: iq3s,
			v: []rule{{q4, always}}, o: []rule{{q4, always}}, down: []rule{{q4, firstEighth}}},
		{name: "IQ4_NL", fileType: 25, base: kernels.IQ4NL, head: q6, embed: kernels.IQ4NL, v: []rule{{q5, grouped}}},
		{name: "IQ4_XS", fileType: 30, base: kernels.IQ4XS, head: q6, embed: kernels.IQ4XS, v: []rule{{q5, grouped}}},
	}
}
