// Package sampler turns the logits of one position into one token.
//
// Sample runs these steps, each left out where its parameter is off:
//
//  1. logprobs are taken from the model's own distribution: the softmax of the
//     logits as they came, at temperature 1, over the whole vocabulary, as
//     OpenAI's API reports them. Nothing below changes them.
//  2. logit bias is added.
//  3. repetition penalty r (CTRL, Hugging Face): a logit above 0 is divided by
//     r, any other multiplied, once for every distinct token of prompt and
//     generated text.
//  4. presence and frequency penalties (OpenAI): presence + count·frequency is
//     subtracted for every distinct token of the generated text alone.
//  5. suppressed tokens, and EOS before MinTokens, get -Inf.
//  6. the mask removes what the grammar does not allow.
//  7. temperature 0 takes the highest logit, the lowest id among equals, and
//     ends here; otherwise the logits are divided by the temperature.
//  8. top-k keeps exactly k tokens, the lowest ids among equals.
//  9. top-p keeps the fewest most likely tokens whose probability, relative to
//     what top-k left, reaches p.
//  10. min-p drops tokens less than p times as likely as the likeliest.
//  11. typical-p keeps the tokens whose surprise is nearest to the entropy of
//     what is left, as few as reach p.
//  12. one token is drawn, proportional to probability.
//
// The order is that of Hugging Face's transformers, for which Qwen's
// recommended values are given. vLLM differs in that min-p comes before top-k
// and top-p, llama.cpp in that temperature comes last (so top-p and min-p look
// at the distribution at temperature 1) and typical-p before top-p.
// transformers and vLLM keep all tokens that tie with the k-th; llama.cpp, as
// here, keeps k. RepeatLastN narrows all three penalties to a window over
// prompt and generated text, as llama.cpp's does; by default there is none.
//
// A logit of -Inf is a token that cannot be drawn. NaN or +Inf among the
// tokens that may be drawn, or with logprobs anywhere, is an error.
//
// The random numbers are Philox4x32-10's, a counter-based generator: the same
// seed, logits and parameters give the same tokens on every platform and Go
// version.
package sampler
