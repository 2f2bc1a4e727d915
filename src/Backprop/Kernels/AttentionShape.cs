namespace Backprop.Kernels;

/// <summary>The sizes of an attention: of so many sequences, with so many queries and keys each.</summary>
/// <param name="Sequences">Sequences in the batch.</param>
/// <param name="Queries">Rows of each in Q and in the output.</param>
/// <param name="Keys">Rows of each in K and V; some of the last may be hidden.</param>
/// <param name="Heads">Heads, which lie side by side in the columns.</param>
/// <param name="Width">Columns of a head.</param>
/// <param name="Past">The place of the first query among the keys.</param>
/// <param name="Causal">Whether a query sees no key after its own place.</param>
internal readonly record struct AttentionShape(int Sequences, int Queries, int Keys, int Heads, int Width, int Past, bool Causal)
{
    public int Columns => unchecked(Heads * Width);

    /// <summary>How many keys a query sees, of so many that are not hidden.</summary>
    public int Seen(int query, int keys) => unchecked(Causal ? Math.Min(keys, Past + query + 1) : keys);
}
