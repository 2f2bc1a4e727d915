namespace Backprop.Explain;

/// <summary>What a <see cref="Token"/> is.</summary>
internal enum TokenKind
{
    Word,
    Quoted,
    Sign,
    End,
}
