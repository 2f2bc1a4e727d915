using System.Globalization;

namespace Backprop;

/// <content>Parts to train with, and parts to hold back.</content>
public sealed partial class Samples<T>
{
    /// <summary>Splits the samples in two, at random: one part to train with, one to hold back. Both are copies.</summary>
    /// <param name="heldBack">The share of the second part, above 0 and below 1; rounded to whole samples, at least one on each side.</param>
    /// <param name="generator">Draws an order by <c>torch.randperm</c>'s rule: the first of it are held back.</param>
    /// <exception cref="ArgumentNullException"><paramref name="generator"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="heldBack"/> is not between 0 and 1.</exception>
    /// <exception cref="InvalidOperationException">There is but one sample.</exception>
    public (Samples<T> Training, Samples<T> HeldBack) Split(double heldBack, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        var count = CountOf(heldBack);
        var order = generator.Permutation(Count);
        return (Rows(order.AsSpan(count)), Rows(order.AsSpan(0, count)));
    }

    /// <summary>Splits the samples in two in the order in which they stand, such as that of time: the last ones are held back. Both parts are copies.</summary>
    /// <param name="heldBack">The share of the second part, above 0 and below 1; rounded to whole samples, at least one on each side.</param>
    /// <param name="gap">Samples between the two parts that are in neither, so that what is held back shares no history with what is trained on; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="heldBack"/> is not between 0 and 1, or <paramref name="gap"/> is negative.</exception>
    /// <exception cref="InvalidOperationException">There is but one sample, or the gap leaves none to train with.</exception>
    public (Samples<T> Training, Samples<T> HeldBack) SplitInOrder(double heldBack, int gap = 0)
    {
        Expect.That(gap >= 0, "Samples", gap, "at least 0");
        int count = CountOf(heldBack), first = Count - count - gap;
        if (first < 1) throw new InvalidOperationException($"Samples expects samples before the gap of {gap}, but of {Count} the last {count} are held back.");
        int[] order = [.. Enumerable.Range(0, Count)];
        return (Rows(order.AsSpan(0, first)), Rows(order.AsSpan(Count - count)));
    }

    /// <summary>Splits the samples in two, at random, with the same share of each class in both parts, up to whole samples. Both are copies.</summary>
    /// <remarks>Classes are what a <see cref="CrossEntropyLoss{T}"/> takes: one column of class indices, or a column for each class, of which the largest counts.</remarks>
    /// <param name="heldBack">The share of the second part, above 0 and below 1.</param>
    /// <param name="generator">Draws an order by <c>torch.randperm</c>'s rule: the first of each class in it are held back.</param>
    /// <exception cref="ArgumentNullException"><paramref name="generator"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="heldBack"/> is not between 0 and 1.</exception>
    /// <exception cref="InvalidOperationException">Targets are no classes, or a class has but one sample.</exception>
    public (Samples<T> Training, Samples<T> HeldBack) SplitStratified(double heldBack, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(generator);
        var total = CountOf(heldBack);
        var (classes, names) = ClassesInOrder();
        var counts = CountsOf(classes, names, 2, "one on each side of a split");

        // Each class's share, rounded down; what is missing goes to the largest remainders, the first classes among equals.
        double share = (double)total / Count;
        var rest = Array.ConvertAll(counts, count => Math.Clamp((int)(share * count), 1, count - 1));
        foreach (var k in Enumerable.Range(0, counts.Length).OrderByDescending(k => share * counts[k] - rest[k]).Take(Math.Max(0, total - rest.Sum())))
            rest[k] = Math.Min(rest[k] + 1, counts[k] - 1);

        List<int> training = [], held = [];
        foreach (var i in generator.Permutation(Count)) (rest[classes[i]]-- > 0 ? held : training).Add(i);
        return (Rows([.. training]), Rows([.. held]));
    }

    /// <summary>Cuts the samples into folds: each is held back once, while the others train. A pair is copied when it is asked for.</summary>
    /// <remarks>Sizes differ by at most 1, the larger ones first; within each part samples stand as they do here. Twin: scikit-learn's <c>KFold</c>.</remarks>
    /// <param name="folds">How many, at least 2.</param>
    /// <param name="shuffle">Draws which sample is in which fold, by <c>torch.randperm</c>'s rule; null cuts them as they stand.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="folds"/> is below 2, or above the number of samples.</exception>
    public IEnumerable<(Samples<T> Training, Samples<T> HeldBack)> KFold(int folds, Generator? shuffle = null)
    {
        RequireFolds(folds);
        var order = shuffle?.Permutation(Count) ?? [.. Enumerable.Range(0, Count)];
        var foldOf = new int[Count];
        for (int fold = 0, next = 0; fold < folds; fold++)
            for (var left = Count / folds + (fold < Count % folds ? 1 : 0); left > 0; left--) foldOf[order[next++]] = fold;
        return Pairs(folds, foldOf);
    }

    /// <summary>Cuts the samples into folds with the same share of each class, up to whole samples: each is held back once, while the others train.</summary>
    /// <remarks>Within each part samples stand as they do here. Classes are as in <see cref="SplitStratified"/>. Twin: scikit-learn's <c>StratifiedKFold</c>.</remarks>
    /// <param name="folds">How many, at least 2.</param>
    /// <param name="shuffle">Draws which sample of a class is in which fold, class after class, by <c>torch.randperm</c>'s rule; null takes them as they stand.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="folds"/> is below 2, or above the number of samples.</exception>
    /// <exception cref="InvalidOperationException">Targets are no classes, or a class has fewer samples than there are folds.</exception>
    public IEnumerable<(Samples<T> Training, Samples<T> HeldBack)> StratifiedKFold(int folds, Generator? shuffle = null)
    {
        RequireFolds(folds);
        var (classes, names) = ClassesInOrder();
        var counts = CountsOf(classes, names, folds, "one in each fold");

        // All samples class after class are dealt to the folds in turn: so folds are equal in size, and in each class. Within a class, those of a lower fold come first.
        var foldOf = new int[Count];
        for (int k = 0, start = 0; k < counts.Length; start += counts[k++])
        {
            var ordered = Enumerable.Range(start, counts[k]).Select(place => place % folds).Order().ToArray();
            var places = shuffle?.Permutation(counts[k]) ?? [.. Enumerable.Range(0, counts[k])];
            for (int i = 0, next = 0; i < Count; i++)
                if (classes[i] == k) foldOf[i] = ordered[places[next++]];
        }

        return Pairs(folds, foldOf);
    }

    private IEnumerable<(Samples<T> Training, Samples<T> HeldBack)> Pairs(int folds, int[] foldOf)
    {
        for (var fold = 0; fold < folds; fold++)
            yield return (Rows(Where(fold, isHeldBack: false)), Rows(Where(fold, isHeldBack: true)));

        int[] Where(int fold, bool isHeldBack) => [.. Enumerable.Range(0, foldOf.Length).Where(i => foldOf[i] == fold == isHeldBack)];
    }

    private int CountOf(double heldBack)
    {
        Expect.That(heldBack is > 0 and < 1, "Samples", heldBack, "above 0 and below 1");
        if (Count < 2) throw new InvalidOperationException($"Samples expects at least 2 samples to split, but there is {Count}.");
        return Math.Clamp((int)Math.Round(heldBack * Count), 1, Count - 1);
    }

    private void RequireFolds(int folds) => Expect.That(folds >= 2 && folds <= Count, "Samples", folds, Count < 2 ? "from 2 to the number of samples" : string.Create(CultureInfo.InvariantCulture, $"from 2 to {Count}, the number of samples"));

    /// <summary>The class of each sample, numbered in the order in which they first come, and what they are called.</summary>
    private (int[] Classes, List<T> Names) ClassesInOrder()
    {
        if (TargetRows != 1) throw new InvalidOperationException($"Samples expects a class for each sample, but each has {TargetRows} rows of targets.");
        List<T> names = [];
        Dictionary<T, int> numbers = [];
        var classes = new int[Count];
        for (var i = 0; i < classes.Length; i++)
        {
            var name = Y.ColumnCount == 1 ? Y[i, 0] : T.CreateChecked(Labels.Largest("Samples", Y, "y", i));
            if (!T.IsInteger(name)) throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"Samples expects a class for each sample, but y has {name} in row {i}."));
            if (numbers.TryAdd(name, names.Count)) names.Add(name);
            classes[i] = numbers[name];
        }

        return (classes, names);
    }

    private static int[] CountsOf(int[] classes, List<T> names, int least, string why)
    {
        var counts = new int[names.Count];
        foreach (var k in classes) counts[k]++;
        for (var k = 0; k < counts.Length; k++)
            if (counts[k] < least)
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"Samples expects at least {least} samples of each class, {why}, but there {(counts[k] == 1 ? "is" : "are")} {counts[k]} of class {names[k]}."));
        return counts;
    }
}
