namespace Backprop.Explain;

/// <summary>A piece of a network's text: a word or number, a quoted name, one of <c>( ) [ ] , :</c>, or the end.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Position)
{
    /// <summary>Whether it is this sign.</summary>
    public bool Is(char sign) => Kind == TokenKind.Sign && Text[0] == sign;

    /// <summary>As messages name it.</summary>
    public string Shown => Kind == TokenKind.End ? "the text ends" : $"there is \"{Text}\"";
}
