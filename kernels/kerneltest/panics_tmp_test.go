package kerneltest

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return
}
