package sampler

import (
	"math"
	"slices"
)

// candidate is a token that may still be drawn.
type candidate struct {
	id     int32
	logit  float32
	weight float64 // exp((logit - highest) / temperature): its probability but for a factor
	key    float64 // what keepMass orders by
}

// candidates is a list in order of id, and scratch for choosing among it.
type candidates struct {
	list  []candidate
	ranks []ranked
}

func (c *candidates) reset() { c.list = c.list[:0] }

func (c *candidates) add(id int32, logit float32) {
	c.list = append(c.list, candidate{id: id, logit: logit})
}

// keepTop keeps the k highest logits, the lowest ids among equals, and returns
// the lowest logit kept of a list longer than k. It uses up the weights.
func (c *candidates) keepTop(k int) float32 {
	if len(c.list) <= k {
		return float32(math.Inf(-1))
	}
	for i := range c.list {
		t := &c.list[i]
		t.key, t.weight = float64(t.logit), 1
	}
	return float32(c.keepMass(float64(k)))
}

// weigh sets the weights.
func (c *candidates) weigh(w weigher) {
	for i := range c.list {
		c.list[i].weight = w.weight(c.list[i].logit)
	}
}

// total is the sum of the weights.
func (c *candidates) total() float64 {
	sum := 0.0
	for i := range c.list {
		sum += c.list[i].weight
	}
	return sum
}

// keepMass keeps the candidates of highest key, the lowest ids among equals:
// as few as reach the weight target, which is above 0. It returns the lowest key
// kept.
func (c *candidates) keepMass(target float64) float64 {
	c.ranks = c.ranks[:0]
	for i := range c.list {
		c.ranks = append(c.ranks, ranked{c.list[i].key, c.list[i].weight})
	}
	cut, above := cutAt(c.ranks, target)
	kept := c.list[:0]
	for _, t := range c.list {
		if t.key == cut && above < target {
			above += t.weight
			kept = append(kept, t)
		} else if t.key > cut {
			kept = append(kept, t)
		}
	}
	c.list = kept
	return cut
}

// topP keeps the fewest most likely tokens whose probability reaches p, and at
// least one. mass is the weight of the distribution that p refers to.
func (c *candidates) topP(p, mass float64) {
	for i := range c.list {
		c.list[i].key = float64(c.list[i].logit)
	}
	c.keepMass(max(p*mass, math.SmallestNonzeroFloat64))
}

// minP keeps the tokens that are at least p times as likely as the likeliest,
// whose weight is 1.
func (c *candidates) minP(p float64) {
	c.list = slices.DeleteFunc(c.list, func(t candidate) bool { return t.weight < p })
}

// typical keeps the tokens whose surprise, -log p, is closest to the entropy
// of the distribution, as few as reach the probability p. high and temperature
// are those of the weights.
func (c *candidates) typical(p float64, high float32, temperature float64) {
	mass, moment := 0.0, 0.0
	for i := range c.list {
		t := &c.list[i]
		t.key = (float64(t.logit) - float64(high)) / temperature // log of the weight
		mass += t.weight
		if t.weight > 0 {
			moment += t.weight * t.key
		}
	}
	// The entropy is log(mass) - moment/mass and the surprise log(mass) - key.
	mean := moment / mass
	for i := range c.list {
		c.list[i].key = -math.Abs(c.list[i].key - mean)
	}
	c.keepMass(p * mass)
}

// draw returns the candidate at u in [0, 1) of the distribution, laid out in
// order of id.
func (c *candidates) draw(u float64) int32 {
	left := u * c.total()
	last := c.list[0].id
	for i := range c.list {
		t := &c.list[i]
		if t.weight == 0 {
			continue
		}
		last = t.id
		if left -= t.weight; left < 0 {
			break
		}
	}
	return last
}

// ranked is a key to order by and a weight to add up.
type ranked struct{ key, weight float64 }

// cutAt finds where a list in descending order of key first reaches the weight
// target. It returns the key there and the weight of all keys above it; if the
// list does not reach target, the lowest key. The list is permuted. Expected
// time is linear: quickselect with three-way partition.
func cutAt(list []ranked, target float64) (cut, above float64) {
	const small = 32
	seed := uint32(1)
	for len(list) > small {
		pivot := pickPivot(list, &seed)
		hi, lo, weightHi, weightEq := partition(list, pivot)
		switch {
		case hi > 0 && above+weightHi >= target:
			list = list[:hi]
		case lo == len(list) || above+weightHi+weightEq >= target:
			return pivot, above + weightHi
		default:
			above += weightHi + weightEq
			list = list[lo:]
		}
	}
	sortDescending(list)
	for i := 0; i < len(list); {
		key, weight := list[i].key, 0.0
		for ; i < len(list) && list[i].key == key; i++ {
			weight += list[i].weight
		}
		if above+weight >= target || i == len(list) {
			return key, above
		}
		above += weight
	}
	return math.Inf(-1), above
}

// sortDescending sorts a short list by key.
func sortDescending(list []ranked) {
	for i := 1; i < len(list); i++ {
		r, j := list[i], i
		for ; j > 0 && list[j-1].key < r.key; j-- {
			list[j] = list[j-1]
		}
		list[j] = r
	}
}

// partition moves keys above pivot to list[:hi] and keys below it to
// list[lo:], and returns the weights of the first part and of the middle.
func partition(list []ranked, pivot float64) (hi, lo int, weightHi, weightEq float64) {
	lo = len(list)
	for i := 0; i < lo; {
		switch r := list[i]; {
		case r.key > pivot:
			weightHi += r.weight
			list[i], list[hi] = list[hi], r
			hi++
			i++
		case r.key == pivot:
			weightEq += r.weight
			i++
		default:
			lo--
			list[i], list[lo] = list[lo], r
		}
	}
	return hi, lo, weightHi, weightEq
}

// pickPivot returns the middle of three keys at scattered places: at fixed
// places, a list that rises and falls again would cost quadratic time.
func pickPivot(list []ranked, seed *uint32) float64 {
	var keys [3]float64
	for i := range keys {
		*seed = *seed*1664525 + 1013904223
		keys[i] = list[uint64(*seed)*uint64(len(list))>>32].key
	}
	a, b, c := keys[0], keys[1], keys[2]
	return max(min(a, b), min(max(a, b), c))
}

// highest is the highest logit of the list, which must not be empty.
func (c *candidates) highest() float32 {
	high := c.list[0].logit
	for i := range c.list {
		high = max(high, c.list[i].logit)
	}
	return high
}
