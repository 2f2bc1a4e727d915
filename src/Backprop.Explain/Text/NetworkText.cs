using System.Numerics;

namespace Backprop.Explain;

/// <summary>A network and its loss as a line of text.</summary>
/// <remarks>
/// <para>The short form has the widths of linear layers, the activation between them, not after the last, and the loss: <c>2-4-1 sigmoid mse</c>. Its layers are called hidden, activation and
/// output; several hidden ones hidden1, activation1, hidden2 and so on.</para>
/// <para>The long form has the columns of the input, then every layer, then the loss: <c>2 linear(8) layernorm relu dropout(0.2) residual(linear(8) tanh) linear(1) sigmoid bce</c>. How many columns
/// come into a layer need not be said. Settings stand in parentheses, by their place or by their name: <c>linear(8, bias: false)</c>; a list in brackets: <c>crossentropy(weight: [1, 2, 3])</c>.
/// A name stands before a colon: <c>hidden:linear(8)</c>, and in quotes where it has other characters than letters. The layers of <c>residual</c>, <c>sequential</c>, <c>concat</c> and <c>sum</c> stand
/// within them. Of several outputs: <c>combined(kind:part(crossentropy, 0..3, 0..1) price:part(mse, 3..4, 1..2, 0.5))</c>.</para>
/// </remarks>
/// <example><code>
/// var network = NetworkText.Parse&lt;double&gt;("2-4-1 sigmoid mse", new Generator(0));
/// var pass = network.Model.NewPass();
/// </code></example>
public static class NetworkText
{
    /// <summary>A text is read by people, too. So long a one takes no time to speak of, wherever it comes from.</summary>
    private const int MostCharacters = 10_000;

    /// <summary>The words for layers, in the order of the documentation.</summary>
    public static IReadOnlyList<string> Layers { get; } = Array.AsReadOnly(Words<double>.Layers.Select(word => word.Name).ToArray());

    /// <summary>The words for losses, in the order of the documentation.</summary>
    public static IReadOnlyList<string> Losses { get; } = Array.AsReadOnly(Words<double>.Losses.Select(word => word.Name).ToArray());

    /// <summary>The words of <see cref="Layers"/> that may stand between the layers of the short form.</summary>
    public static IReadOnlyList<string> Activations { get; } = Array.AsReadOnly(Words<double>.Layers.Where(word => word.IsActivation).Select(word => word.Name).ToArray());

    /// <summary>A layer as it may be put behind so many columns, with all that it must be given: <c>linear(4)</c>, <c>residual(linear(8) tanh)</c>.</summary>
    /// <param name="word">A word of <see cref="Layers"/>.</param>
    /// <param name="columns">The columns that come in.</param>
    /// <exception cref="ArgumentException">There is no such layer.</exception>
    public static string Example(string word, int columns) => Words<double>.Layer(word) is { } known
        ? known.Example(columns)
        : throw new ArgumentException($"Example expects a layer's word, but \"{word}\" is none{Spelling.Suggestion(word, Layers)}.", nameof(word));

    /// <summary>Makes the network that a text describes.</summary>
    /// <param name="text">The text, in the short or the long form.</param>
    /// <param name="generator">Draws weights and, later, what dropout drops; <see cref="Generator.Default"/> where none is given.</param>
    /// <param name="mostParameters">How many numbers to learn there may be, at most: texts come from strangers, too.</param>
    /// <exception cref="ArgumentNullException"><paramref name="text"/> is null.</exception>
    /// <exception cref="NetworkTextException">The text is no network. The message says what was expected, what came and where, and what there is.</exception>
    public static ParsedNetwork<T> Parse<T>(string text, Generator? generator = null, long mostParameters = 100_000_000) where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MostCharacters) throw NetworkReader<T>.Fail($"expects at most {Signature.Number(MostCharacters)} characters, but there are {Signature.Number(text.Length)}", MostCharacters);
        return new NetworkBuilder<T>(text, generator ?? Generator.Default, mostParameters).Build();
    }
}
