using System.Globalization;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain;

/// <summary>One forward and one backward pass through a network, of which every number can be asked where it comes from.</summary>
/// <remarks>
/// <para>It is a snapshot: it runs a copy of the network once, in a pass of its own, and leaves parameters, gradients, buffers and generators as they were. What becomes of the network afterwards does not change it.
/// A network with a layer that cannot be copied (<see cref="Layer{T}.Clone"/>) is run itself, with the values of the snapshot put in and taken out again: then nobody may use it meanwhile.</para>
/// <para>Whatever a layer is, its local derivatives are known: ∂y[i, k]/∂x[p, q] is what its own backward pass returns for a dY that is 1 there and 0 elsewhere. The library's layers say it more
/// beautifully, by a <see cref="LayerExplainer{T}"/>, as anyone's can. Either way the products and sums of the factors are computed and compared with the library's gradient; see <see cref="Answer.Agrees"/>.</para>
/// </remarks>
/// <example><code>
/// var explanation = Explanation.Of(model, new MSELoss&lt;double&gt;(), x, y);
/// Console.WriteLine(explanation.Ask("hidden.weight.grad[0, 0]"));
/// File.WriteAllText("network.html", explanation.ToHtml());
/// </code></example>
/// <threadsafety>One thread at a time, which need not be that of the network.</threadsafety>
public sealed class Explanation
{
    private readonly IReadOnlyDictionary<string, Quantity> _byAddress;

    private Explanation(string title, bool isFloat, ExplanationOptions options, IReadOnlyList<Quantity> quantities, IReadOnlyDictionary<string, Quantity> byAddress, IReadOnlyList<ExplainedLayer> layers)
    {
        (Title, IsFloat, Options, Quantities, _byAddress, Layers) = (title, isFloat, options, quantities, byAddress, layers);
    }

    /// <summary>What the network is called.</summary>
    public string Title { get; }

    /// <summary>Whether it computes in float.</summary>
    public bool IsFloat { get; }

    /// <summary>How it was explained.</summary>
    public ExplanationOptions Options { get; }

    /// <summary>x, what the network is given.</summary>
    public Quantity Input => Layers[0].Input;

    /// <summary>All quantities: parameters, data, values in the order of the forward pass, the loss, gradients in the order of the backward pass.</summary>
    public IReadOnlyList<Quantity> Quantities { get; }

    /// <summary>All layers, containers before what stands in them.</summary>
    public IReadOnlyList<ExplainedLayer> Layers { get; }

    /// <summary>The loss's text, formula, derivative and legend; null without a loss.</summary>
    public ExplainedLoss? Loss { get; private init; }

    /// <summary>What is suspicious: the first number that is not finite.</summary>
    public IReadOnlyList<string> Problems { get; private init; } = [];

    /// <summary>The quantity with this address.</summary>
    /// <param name="address">The address, such as <c>hidden.weight.grad</c>.</param>
    /// <exception cref="KeyNotFoundException">There is none; the message names those that are.</exception>
    public Quantity this[string address] => _byAddress.TryGetValue(address ?? "", out var quantity)
        ? quantity
        : throw new KeyNotFoundException($"There is no quantity \"{address}\" here; there is: {string.Join(", ", Quantities.Take(40).Select(known => known.Address))}{(Quantities.Count > 40 ? ", ..." : "")}.");

    /// <summary>Explains a network.</summary>
    /// <param name="model">The network, or any layer.</param>
    /// <param name="loss">The loss; null for none: then there are no gradients.</param>
    /// <param name="x">The input, samples x features; dense.</param>
    /// <param name="target">What the network should say; null without a loss.</param>
    /// <param name="options">How; null for the usual way.</param>
    /// <param name="explainers">Who explains layers, the first that does; null for <see cref="Explainers.Default"/>.</param>
    /// <exception cref="ArgumentNullException">The model or x is null, or the target is and the loss is not.</exception>
    /// <exception cref="ArgumentException">The shapes do not fit, or an entry is one that the loss refuses.</exception>
    public static Explanation Of<T>(Layer<T> model, Loss<T>? loss, Matrix<T> x, Matrix<T>? target, ExplanationOptions? options = null, IReadOnlyList<LayerExplainer<T>>? explainers = null)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(x);
        if (loss is not null) ArgumentNullException.ThrowIfNull(target);
        options ??= new();
        if (explainers?.Contains(null!) == true) throw new ArgumentException("Explanation expects explainers, but one of them is null.", nameof(explainers));
        var run = new Run<T>(model, loss, x.Clone(), loss is null ? null : target!.Clone(), options, explainers ?? Explainers.Default<T>());
        return new(options.Title ?? $"{model}", typeof(T) == typeof(float), options, run.Quantities, run.ByAddress, run.Layers) { Loss = run.ExplainedLoss, Problems = run.Problems };
    }

    /// <summary>Where an entry comes from.</summary>
    /// <param name="address">Its address: <c>hidden.weight.grad[0, 2]</c>, <c>hidden.bias[2]</c>, <c>loss</c>.</param>
    /// <exception cref="ArgumentException">That is no address.</exception>
    /// <exception cref="KeyNotFoundException">There is no such quantity.</exception>
    /// <exception cref="ArgumentOutOfRangeException">It has no such entry.</exception>
    public Answer Ask(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        address = address.Trim();
        if (_byAddress.TryGetValue(address, out var number) && number.Count == 1) return Ask(number, 0, 0);
        var open = address.LastIndexOf('[');
        var indices = open > 0 && address.EndsWith(']') ? address[(open + 1)..^1].Split(',', StringSplitOptions.TrimEntries) : [];
        var numbers = indices.Select(index => int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out var i) ? i : -1).ToArray();
        if (numbers.Length is not (1 or 2) || numbers.Contains(-1))
            throw new ArgumentException($"An address is expected to read like hidden.weight.grad[0, 2], hidden.bias[2] or loss, but it is {address}.", nameof(address));
        var quantity = this[address[..open].TrimEnd()];
        if (numbers.Length == 1 && quantity.Rank == 2)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{quantity} expects a row and a column, but the address is {address}."), nameof(address));
        return numbers.Length == 2 ? Ask(quantity, numbers[0], numbers[1]) : Ask(quantity, 0, numbers[0]);
    }

    /// <summary>Where an entry comes from.</summary>
    /// <param name="quantity">The quantity.</param>
    /// <param name="row">The row, from 0.</param>
    /// <param name="column">The column, from 0.</param>
    /// <exception cref="ArgumentNullException"><paramref name="quantity"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">It has no such entry.</exception>
    public Answer Ask(Quantity quantity, int row, int column)
    {
        ArgumentNullException.ThrowIfNull(quantity);
        return new(quantity[row, column], IsFloat);
    }

    /// <summary>The whole of it as text of 80 columns.</summary>
    public string ToText() => TextForm.Of(this);

    /// <summary>The whole of it as Markdown, formulas in LaTeX.</summary>
    public string ToMarkdown() => MarkdownForm.Of(this);

    /// <summary>The whole of it as one page that needs nothing else: no network, no other file.</summary>
    public string ToHtml() => HtmlForm.Of(this);

    /// <summary>The numbers of the page as JSON.</summary>
    /// <param name="answers">Whether with answers for all that is shown; without them a page asks as it goes.</param>
    public string ToJson(bool answers = true) => JsonForm.Of(this, answers);

    /// <summary>The numbers of the page as JSON, without answers, and with the entries of quantities apart: what JSON has of them is where they begin. To write and to read so many digits takes longer than all else.</summary>
    internal string ToJson(List<double> entries) => JsonForm.Of(this, answers: false, entries);

    /// <summary>An answer as JSON, as the page's script takes it.</summary>
    /// <param name="answer">The answer.</param>
    /// <exception cref="ArgumentNullException"><paramref name="answer"/> is null.</exception>
    public string ToJson(Answer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return JsonForm.Of(this, answer);
    }
}
