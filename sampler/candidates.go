package sampler

import (
	"cmp"
	"math"
	"slices"
)

// candidate is a token that may still be drawn.
type candidate struct {
	id     int32
	logit  float32
	weight float64 // exp((logit - highest) / temperature): its probability but for a factor
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
// the lowest logit kept.
func (c *candidates) keepTop(k int) float32 {
	if len(c.list) > k {
		c.ranks = c.ranks[:0]
		for i := range c.list {
			c.ranks = append(c.ranks, ranked{float64(c.list[i].logit), 1})
		}
		cut, above := cutAt(c.ranks, float64(k))
		kept := c.list[:0]
		for _, t := range c.list {
			key := float64(t.logit)
			if key > cut || key == cut && above < float64(k) {
				if key == cut {
					above++
				}
				kept = append(kept, t)
			}
		}
		c.list = kept
		return float32(cut)
	}
	low := float32(math.Inf(1))
	for _, t := range c.list {
		low = min(low, t.logit)
	}
	return low
}

// weigh sets the weights for a temperature above 0; high is the highest logit.
func (c *candidates) weigh(high float32, temperature float64) {
	for i := range c.list {
		t := &c.list[i]
		t.weight = math.Exp(float64(t.logit-high) / temperature)
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
// as few as reach the weight target, and at least one.
func (c *candidates) keepMass(target float64, key func(*candidate) float64) {
	c.ranks = c.ranks[:0]
	for i := range c.list {
		c.ranks = append(c.ranks, ranked{key(&c.list[i]), c.list[i].weight})
	}
	cut, above := cutAt(c.ranks, target)
	first := true
	kept := c.list[:0]
	for _, t := range c.list {
		k := key(&t)
		if k < cut {
			continue
		}
		if k == cut {
			if above >= target && !(first && above == 0) {
				continue
			}
			first = false
			above += t.weight
		}
		kept = append(kept, t)
	}
	c.list = kept
}

// topP keeps the fewest most likely tokens whose probability reaches p.
// mass is the weight of the whole distribution that p refers to.
func (c *candidates) topP(p, mass float64) {
	c.keepMass(p*mass, func(t *candidate) float64 { return float64(t.logit) })
}

// minP keeps the tokens that are at least p times as likely as the likeliest,
// whose weight is 1.
func (c *candidates) minP(p float64) {
	c.list = slices.DeleteFunc(c.list, func(t candidate) bool { return t.weight < p })
}

// typical keeps the tokens whose surprise, -log p, is closest to the entropy
// of the distribution, as few as reach the probability p.
func (c *candidates) typical(p float64) {
	mass := c.total()
	logMass := math.Log(mass)
	entropy := logMass
	for i := range c.list {
		if w := c.list[i].weight; w > 0 {
			entropy -= w / mass * math.Log(w)
		}
	}
	c.keepMass(p*mass, func(t *candidate) float64 {
		return -math.Abs(logMass - math.Log(t.weight) - entropy)
	})
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
	const small = 24
	for len(list) > small {
		pivot := middle(list[0].key, list[len(list)/2].key, list[len(list)-1].key)
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
	slices.SortFunc(list, func(a, b ranked) int { return cmp.Compare(b.key, a.key) })
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

func middle(a, b, c float64) float64 {
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
