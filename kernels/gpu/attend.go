package gpu

import "orchrt/kernels"

// cacheArgs is CacheArgs of head.cuh.
type cacheArgs struct {
	k, v, kScale, vScale     uint64
	typ, pages, heads, width int32
}

// cacheArgsOf is kv as kernels take it.
func cacheArgsOf(kv kernels.Cache) cacheArgs {
	return cacheArgs{k: addr(kv.K), v: addr(kv.V), kScale: addr(kv.KScale), vScale: addr(kv.VScale),
		typ: int32(kv.Type), pages: int32(kv.Pages), heads: int32(kv.Heads), width: int32(kv.HeadDim)}
}
