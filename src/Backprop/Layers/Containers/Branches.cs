using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Backprop;

/// <summary>Layers beside one another, each of which is given the same x: what <see cref="Concat{T}"/> and <see cref="Sum{T}"/> have in common.</summary>
/// <remarks>
/// <para>Branches have names, or else numbers: the third one added is <c>2</c>. Their order is that of the columns of <see cref="Concat{T}"/> and of the additions.</para>
/// <para>One branch alone is fine; none is refused where an input comes, as <c>torch.cat([])</c> is: it is a branch forgotten. Branches that give different numbers of rows are refused.</para>
/// <para>To write one, subclass this and write <see cref="Layer{T}.OutputColumns"/>, <see cref="Layer{T}.ForwardCore"/> and <see cref="Layer{T}.BackwardCore"/>.</para>
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public abstract class Branches<T> : Layer<T>, IEnumerable<Layer<T>> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Takes unnamed branches; more may be added.</summary>
    /// <param name="branches">The branches, in order.</param>
    /// <exception cref="ArgumentNullException">The list or one of them is null.</exception>
    protected Branches(Layer<T>[] branches)
    {
        ArgumentNullException.ThrowIfNull(branches);
        foreach (var branch in branches) Add(branch);
    }

    /// <summary>The branch with this name.</summary>
    /// <param name="name">The name it was added under, or its number.</param>
    /// <exception cref="KeyNotFoundException">There is no such branch.</exception>
    public Layer<T> this[string name] => Children[IndexOfChild(name)].Layer;

    /// <summary>What the first branch that insists on so many columns insists on; null where none does.</summary>
    public override int? InputColumns
    {
        get
        {
            for (var i = 0; i < Children.Count; i++)
                if (Children[i].Layer.InputColumns is int columns) return columns;
            return null;
        }
    }

    /// <summary>Adds a branch to the end, under its number.</summary>
    /// <param name="branch">The branch.</param>
    public void Add(Layer<T> branch) => Add(Children.Count.ToString(CultureInfo.InvariantCulture), branch);

    /// <summary>Adds a branch to the end.</summary>
    /// <param name="name">Its name: not empty, without a dot, and new here.</param>
    /// <param name="branch">The branch.</param>
    /// <exception cref="ArgumentException">The name is empty, has a dot, or is taken.</exception>
    public void Add(string name, Layer<T> branch) => Register(name, branch);

    /// <summary>The rows that all branches give for an input of so many.</summary>
    /// <param name="inputRows">Rows of the input.</param>
    /// <exception cref="ArgumentException">There is no branch, a branch takes no input of so many rows, or they do not give as many as each other.</exception>
    public override int OutputRows(int inputRows)
    {
        RequireBranch();
        var rows = Children[0].OutputRows(inputRows);
        for (var i = 1; i < Children.Count; i++)
            if (Children[i].OutputRows(inputRows) is var other && other != rows) throw Unequal("rows", inputRows, rows, i, other);
        return rows;
    }

    /// <inheritdoc/>
    public IEnumerator<Layer<T>> GetEnumerator() => Children.Select(child => child.Layer).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public override string ToString()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return $"{GetType().Name.Split('`')[0]}({string.Join(", ", Children.Select(child => $"{child.Name}: {child.Layer}"))})";
    }

    /// <summary>Refuses to be asked for shapes without a branch.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    protected void RequireBranch()
    {
        if (Children.Count == 0) throw new ArgumentException($"{this} expects at least one branch, but has none.");
    }

    /// <summary>What to throw where a branch gives another number of rows or columns than the first.</summary>
    /// <param name="what">Rows or columns.</param>
    /// <param name="input">How many the input has.</param>
    /// <param name="first">How many the first branch gives.</param>
    /// <param name="branch">Which branch gives others.</param>
    /// <param name="other">How many that gives.</param>
    protected ArgumentException Unequal(string what, int input, int first, int branch, int other) => new(string.Create(CultureInfo.InvariantCulture,
        $"{this} expects branches that give as many {what} as each other, but for {input} \"{Children[0].Name}\" gives {first} and \"{Children[branch].Name}\" gives {other}."));
}
