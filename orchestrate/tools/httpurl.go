package tools

import (
	"net/url"
	"path"
	"strings"

	"orchrt/orchestrate"
	"orchrt/orchestrate/netguard"
)

// urlTemplate is a URL with arguments in it.
type urlTemplate struct {
	before template // scheme and host
	path   template
	query  template
	hosts  []string // allowed where an argument is part of the host
	whole  bool     // the URL is one argument
	fixed  string   // scheme and host where no argument is in them
}

// url splits a URL template, and reports arguments where none may be.
func (d *decoder) url(t *toolConfig, s string, hosts []string) (u urlTemplate) {
	what := "tool " + t.Name + ": url"
	u.hosts = hosts
	if all := d.template(t, "url", s); all.only() != "" {
		u.before, u.whole = all, true
		if len(hosts) == 0 {
			d.fail(t.line, "%s is an argument: say which hosts it may lead to, or hosts: [\"*\"] for all of the public network", what)
		}
		return u
	}
	_, rest, ok := strings.Cut(s, "://")
	if !ok {
		d.fail(t.line, "%s is not a URL; want http:// or https://", what)
		return u
	}
	start := len(s) - len(rest)
	end := len(s)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = start + i
	}
	if strings.Contains(s, "#") {
		d.fail(t.line, "%s has a part after #, which is never sent", what)
	}
	p, q, _ := strings.Cut(s[end:], "?")
	u.before, u.path, u.query = d.template(t, "url", s[:end]), d.template(t, "url", p), d.template(t, "url", q)
	switch names := u.before.names(); {
	case len(names) == 0:
		u.fixed = s[:end]
		d.endpoint(t.line, what, u.fixed)
	case len(hosts) == 0:
		d.fail(t.line, "%s has {%s} in its host: say which hosts it may lead to, such as hosts: [\"*.example.com\"]", what, names[0])
	case strings.Contains(s[:start], "{"):
		d.fail(t.line, "%s has an argument in its scheme", what)
	}
	return u
}

// fill makes the URL of a call.
func (u urlTemplate) fill(a arguments) (*url.URL, error) {
	text := u.before.fill(a, nil)
	if !u.whole {
		text += u.path.fill(a, url.PathEscape)
		if len(u.query.parts) > 0 {
			text += "?" + u.query.fill(a, url.QueryEscape)
		}
	}
	out, err := url.Parse(text)
	if err != nil {
		return nil, invalid("the arguments make no valid URL")
	}
	if err := netguard.CheckURL(out); err != nil {
		return nil, failure(orchestrate.Refused, err, "%v", err)
	}
	if !u.whole {
		for segment := range strings.SplitSeq(u.path.fill(a, url.PathEscape), "/") {
			if segment == "." || segment == ".." {
				return nil, invalid("an argument makes the URL's path leave its place")
			}
		}
		if u.fixed == "" && strings.ContainsAny(u.before.fill(a, nil)[strings.Index(text, "://")+3:], "/?#@\\") {
			return nil, invalid("an argument is no part of a host's name")
		}
	}
	if err := u.permits(out.Hostname(), ""); err != nil {
		return nil, failure(orchestrate.Refused, err, "%v", err)
	}
	return out, nil
}

// permits refuses hosts that are not in the list, where there is one; own is a
// host that has been agreed to.
func (u urlTemplate) permits(host, own string) error {
	if len(u.hosts) == 0 || own != "" && strings.EqualFold(host, own) {
		return nil
	}
	for _, pattern := range u.hosts {
		if ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(strings.TrimSuffix(host, "."))); ok {
			return nil
		}
	}
	return &netguard.Error{Host: host, Reason: "the tool's hosts do not have it"}
}
