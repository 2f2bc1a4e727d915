namespace Backprop.Explain;

/// <summary>A word of a network's text.</summary>
/// <param name="Name">The word, as the text is written anew.</param>
/// <param name="Settings">Its settings, in their order.</param>
/// <param name="HasItems">Whether layers or parts stand within its parentheses, and not settings.</param>
internal abstract record Word(string Name, Setting[] Settings, bool HasItems = false);
