package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// kernel is what ptxas says that a kernel needs.
type kernel struct {
	name      string
	registers int    // of a thread
	stack     int    // bytes of local memory of a thread
	spills    int    // bytes of spill stores and loads
	shared    int    // bytes of static shared memory
	serial    string // why ptxas lets each product of wgmma end before the next begins; "": they overlap
}

// parseReport reads what ptxas -v printed.
func parseReport(log []byte) ([]kernel, error) {
	var (
		entry  = regexp.MustCompile(`Compiling entry function '(\S+)' for`)
		frame  = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
		used   = regexp.MustCompile(`Used (\d+) registers`)
		shared = regexp.MustCompile(`(\d+) bytes smem`)
		serial = regexp.MustCompile(`instructions are serialized due to (.*) in (?:the )?function '(\S+)'`) // before its kernel is
	)
	serials := map[string]string{}
	number := func(b string) int { n, _ := strconv.Atoi(b); return n }
	var all []kernel
	for line := range strings.Lines(string(log)) {
		if m := serial.FindStringSubmatch(line); m != nil {
			serials[m[2]] = m[1]
			continue
		}
		if m := entry.FindStringSubmatch(line); m != nil {
			all = append(all, kernel{name: m[1], registers: -1, serial: serials[m[1]]})
			continue
		}
		if len(all) == 0 {
			continue
		}
		k := &all[len(all)-1]
		if m := frame.FindStringSubmatch(line); m != nil {
			k.stack, k.spills = number(m[1]), number(m[2])+number(m[3])
		}
		if m := used.FindStringSubmatch(line); m != nil {
			k.registers = number(m[1])
			if m := shared.FindStringSubmatch(line); m != nil {
				k.shared = number(m[1])
			}
		}
	}
	for _, k := range all {
		if k.registers < 0 {
			return nil, fmt.Errorf("ptxas does not say what kernel %s needs:\n%s", k.name, log)
		}
	}
	slices.SortFunc(all, byName)
	return all, nil
}

// budget is one line of a source.
type budget struct {
	where, pattern, target string
	registers              int
	matched                bool
}

// parseBudgets reads the budgets of a source.
func parseBudgets(name string, src []byte) ([]*budget, error) {
	line := regexp.MustCompile(`^\s*// budget (\S+): (\d+) registers(?:, on (\S+))?\s*$`)
	var all []*budget
	n := 0
	for text := range strings.Lines(string(src)) {
		n++
		m := line.FindStringSubmatch(text)
		if m == nil {
			if strings.HasPrefix(strings.TrimSpace(text), "// budget ") {
				return nil, fmt.Errorf("%s:%d: want // budget PATTERN: N registers[, on sm_NN]", name, n)
			}
			continue
		}
		registers, _ := strconv.Atoi(m[2])
		if _, err := path.Match(m[1], ""); err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", name, n, m[1], err)
		}
		all = append(all, &budget{where: fmt.Sprintf("%s:%d", name, n), pattern: m[1], registers: registers, target: m[3]})
	}
	return all, nil
}

// checkBudgets returns a line for every kernel that needs what it may not, with
// the target where it needs most, and for every budget that is no kernel's.
func checkBudgets(files []string, objects []*object) (problems []string, err error) {
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		budgets, err := parseBudgets(file, src)
		if err != nil {
			return nil, err
		}
		op := strings.TrimSuffix(filepath.Base(file), ".cu")
		mine := slices.DeleteFunc(slices.Clone(objects), func(ob *object) bool { return ob.op != op })
		if free := unbounded(budgets, mine); len(free) > 0 {
			fmt.Fprintf(os.Stderr, "%s: no budget of registers: %s\n", file, strings.Join(free, ", "))
		}
		type worst struct {
			n    int
			text string
		}
		found := map[string]worst{}
		for _, ob := range mine {
			for _, k := range ob.kernels {
				p := k.problem(budgets, ob.target.String())
				if n := k.spills + k.stack + k.shared + k.registers; p != "" && n > found[k.name].n {
					found[k.name] = worst{n, fmt.Sprintf("%s: kernel %s for %v: %s", file, k.name, ob.target, p)}
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(found)) {
			problems = append(problems, found[name].text)
		}
		for _, b := range budgets {
			if !b.matched {
				problems = append(problems, b.where+": the budget is no kernel's")
			}
		}
	}
	return problems, nil
}

// unbounded lists the kernels that no budget matches, each with the most registers that it
// takes on any target.
func unbounded(budgets []*budget, objects []*object) []string {
	most := map[string]int{}
	for _, ob := range objects {
		for _, k := range ob.kernels {
			if !slices.ContainsFunc(budgets, func(b *budget) bool { ok, _ := path.Match(b.pattern, k.name); return ok }) {
				most[k.name] = max(most[k.name], k.registers)
			}
		}
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(most)) {
		all = append(all, fmt.Sprintf("%s takes %d", name, most[name]))
	}
	return all
}

// problem says what is wrong with a kernel on a target.
func (k kernel) problem(budgets []*budget, target string) string {
	var mine *budget
	for _, b := range budgets {
		if ok, _ := path.Match(b.pattern, k.name); ok && (b.target == "" || b.target == target) {
			b.matched, mine = true, b
		}
	}
	switch {
	case k.spills > 0:
		return fmt.Sprintf("spills %d bytes with %d registers", k.spills, k.registers)
	case k.stack > 0:
		return fmt.Sprintf("keeps %d bytes in local memory: an array is indexed by a variable", k.stack)
	case k.shared > 0:
		return fmt.Sprintf("has %d bytes of static shared memory: all of it is to be dynamic", k.shared)
	case k.serial != "":
		return "has products of wgmma that do not overlap, due to " + k.serial
	case mine != nil && k.registers > mine.registers:
		return fmt.Sprintf("takes %d registers, the budget at %s is %d", k.registers, mine.where, mine.registers)
	}
	return ""
}

// printReport prints the registers of every kernel on every target.
func printReport(out io.Writer, objects []*object) {
	var columns []string
	registers := map[string]map[string]int{}
	for _, ob := range objects {
		if ob.target.ptx {
			continue
		}
		t := ob.target.String()
		if !slices.Contains(columns, t) {
			columns = append(columns, t)
		}
		for _, k := range ob.kernels {
			if registers[k.name] == nil {
				registers[k.name] = map[string]int{}
			}
			registers[k.name][t] = k.registers
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "registers\t%s\n", strings.Join(columns, "\t"))
	for _, name := range kernelNames(objects) {
		fmt.Fprint(w, name)
		for _, c := range columns {
			if n, ok := registers[name][c]; ok {
				fmt.Fprintf(w, "\t%d", n)
			} else {
				fmt.Fprint(w, "\t-")
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}
