using System.Numerics;
using MathNet.Numerics.LinearAlgebra;
using static System.FormattableString;

namespace Backprop;

/// <summary>
/// One sequence, step by step: each <see cref="Append"/> takes the next rows and gives what the whole network makes of them, with all those before in mind. So a text is written character by
/// character, and no character is computed twice.
/// </summary>
/// <remarks>
/// Attention keeps the keys and values of earlier steps, and layers that add something for a position know how many there were: all layers whose pass is a <see cref="SequencePass{T}"/>. What comes out is
/// what a forward pass over the whole sequence gives in its last rows, in evaluation. Layers that mix rows in other ways do not know of each other's steps here; attention that is not causal is refused, and so are recurrent layers, whose state goes from pass to pass as a <see cref="RecurrentState{T}"/>.
/// </remarks>
/// <example><code>
/// var text = new Continuation&lt;double&gt;(model);
/// var scores = text.Append(Matrix&lt;double&gt;.Build.Dense(3, 1, [7, 2, 5]));      // three characters
/// scores = text.Append(Matrix&lt;double&gt;.Build.Dense(1, 1, 4));               // the next one
/// </code></example>
/// <threadsafety>One thread at a time; any number of continuations of one network may be used at once.</threadsafety>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed class Continuation<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly List<SequencePass<T>> _passes = [];

    /// <summary>Starts a sequence.</summary>
    /// <param name="model">The network.</param>
    /// <exception cref="ArgumentNullException"><paramref name="model"/> is null.</exception>
    /// <exception cref="ArgumentException">A layer of it cannot go on where it ended.</exception>
    public Continuation(Layer<T> model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Pass = ForwardPass<T>.Made(model, training: false);
        Find(Pass);
        if (FindRecurrent(Pass) is { } recurrent)
            throw new ArgumentException($"{recurrent.Who} cannot be continued: its state is handed on by a RecurrentState, from step to step.", nameof(model));
        Pass.IsReserved = true;
        if (_passes.Find(pass => pass.WhyNotContinued is not null) is { } one)
            throw new ArgumentException($"{one.Who} cannot be continued: it {one.WhyNotContinued}.", nameof(model));
        foreach (var pass in _passes)
        {
            pass.Continues = true;
            MaxSteps = Math.Min(MaxSteps, pass.MaxSteps);
        }
    }

    /// <summary>The pass that is used, to look at: nobody else can run it.</summary>
    public ForwardPass<T> Pass { get; }

    /// <summary>Steps so far.</summary>
    public int Count { get; private set; }

    /// <summary>The most steps that there is room for.</summary>
    public int MaxSteps { get; } = int.MaxValue;

    /// <summary>Takes the next steps, and gives the network's output for them.</summary>
    /// <param name="x">A row for each step.</param>
    /// <returns>A row for each; the next call overwrites it.</returns>
    /// <exception cref="ArgumentException">There is no room for so many, or the network refuses the rows; the sequence stays as it was.</exception>
    public Matrix<T> Append(Matrix<T> x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.RowCount == 0) throw new ArgumentException($"{Pass.Layer} expects a row for each of the next steps, but x has none.", nameof(x));
        if (x.RowCount > MaxSteps - Count)
            throw new ArgumentException(Invariant($"{Pass.Layer} has room for {MaxSteps} steps, but {Count} were there and {x.RowCount} came."), nameof(x));
        foreach (var pass in _passes) (pass.Past, pass.Coming) = (Count, x.RowCount);
        Pass.IsReserved = false;
        try
        {
            var y = Pass.Forward(x);
            Count += x.RowCount;
            return y;
        }
        finally
        {
            Pass.IsReserved = true;
        }
    }

    /// <summary>Forgets all steps but the first so many, by default all: the next ones follow these.</summary>
    /// <param name="steps">How many stay.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    public void CutTo(int steps = 0)
    {
        if (steps < 0 || steps > Count) throw new ArgumentOutOfRangeException(nameof(steps), Invariant($"{Pass.Layer} was given {Count} steps, of which {steps} cannot stay."));
        Count = steps;
    }

    private void Find(ForwardPass<T> pass)
    {
        if (pass is SequencePass<T> one) _passes.Add(one);
        foreach (var step in pass.Steps) Find(step);
    }

    private static ForwardPass<T>? FindRecurrent(ForwardPass<T> pass) => pass is RecurrentPass<T> ? pass : pass.Steps.Select(FindRecurrent).FirstOrDefault(step => step is not null);
}
