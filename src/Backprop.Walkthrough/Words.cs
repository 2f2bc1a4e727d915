using System.IO.Compression;
using System.Numerics;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Walkthrough;

/// <summary>What the reader can change.</summary>
internal sealed record TextSettings(int Seed, int Epochs, int BatchSize, double LearningRate, double Dropout)
{
    public static TextSettings Default { get; } = new(Seed: 42, Epochs: 10, BatchSize: 64, LearningRate: 0.004, Dropout: 0);
}

/// <summary>English words, one after the other in random order, cut into pieces of 32 characters; and a GPT that learns which character comes next. words.txt says where they are from.</summary>
internal static class Words
{
    /// <summary>The end of a word is 0, and the letters follow.</summary>
    public const int End = 0, Characters = 27;

    /// <summary>The part of the words that is held back to test the network with.</summary>
    public const double HeldBack = 0.05;

    public static GptSizes Sizes { get; } = new(Characters, Steps: 32, Width: 64, Heads: 4, Layers: 2);

    /// <summary>All words.</summary>
    public static string[] Read()
    {
        using var file = new StreamReader(new GZipStream(typeof(Words).Assembly.GetManifestResourceStream("words.txt.gz")!, CompressionMode.Decompress));
        return file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The number of a character.</summary>
    public static int NumberOf(char character) => character == '\n' ? End : character - 'a' + 1;

    /// <summary>The character of a number.</summary>
    public static char CharacterOf(int number) => number == End ? '\n' : (char)('a' + number - 1);

    /// <summary>Pieces of the words in a row, and the characters that follow each.</summary>
    public static Samples<T> Pieces<T>(IEnumerable<string> words) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var text = $"\n{string.Join('\n', words)}\n";
        var rows = (text.Length - 1) / Sizes.Steps * Sizes.Steps;
        return new(Numbers(0), Numbers(1), inputRows: Sizes.Steps, targetRows: Sizes.Steps);

        Matrix<T> Numbers(int from) => Matrix<T>.Build.Dense(rows, 1, (i, _) => T.CreateChecked(NumberOf(text[from + i])));
    }

    /// <summary>Everything that is random comes from one generator, in this order: the words, the weights, then the batches of each epoch. What is dropped is drawn by another.</summary>
    public static Trainer<T> NewTrainer<T>(TextSettings settings) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (words, generator) = (Read(), new Generator(settings.Seed));
        var order = generator.Permutation(words.Length).Select(word => words[word]).ToArray();
        var held = (int)Math.Round(HeldBack * words.Length);
        var model = Gpt.Create<T>(Sizes, settings.Dropout, generator, new Generator(settings.Seed));
        var optimizer = new AdamW<T>(model.Parameters, settings.LearningRate);
        var batches = new Batches<T>(Pieces<T>(order[held..]), settings.BatchSize, shuffle: generator);
        return new Trainer<T>(model, new CrossEntropyLoss<T>(), optimizer, batches)
        {
            Validation = Pieces<T>(order[..held]),
            Metrics = [new Accuracy<T>()],
            BatchScheduler = Schedule(optimizer, settings, batches.Count),
        };
    }

    /// <summary>Up in the first steps, then down along a cosine until the last.</summary>
    private static SequentialLR Schedule(Optimizer optimizer, TextSettings settings, int batches)
    {
        var steps = settings.Epochs * batches;
        var warmUp = Math.Min(100, steps / 2);
        return warmUp == 0
            ? new(optimizer, [new CosineAnnealingLR(optimizer, Math.Max(steps, 1))], [])
            : new(optimizer, [new LinearLR(optimizer, 0.01, 1, warmUp), new CosineAnnealingLR(optimizer, steps - warmUp)], [warmUp]);
    }

    /// <summary>Writes a word, character by character.</summary>
    public static string Write<T>(Continuation<T> text, Sampling sampling, string start = "") where T : unmanaged, IFloatingPointIeee754<T>
    {
        text.CutTo();
        var word = start;
        var scores = text.Append(Numbers($"\n{start}"));
        while (true)
        {
            var next = sampling.Next<T>(scores.Row(scores.RowCount - 1).AsArray());
            if (next == End || text.Count == text.MaxSteps) return word;
            word += CharacterOf(next);
            scores = text.Append(Matrix<T>.Build.Dense(1, 1, T.CreateChecked(next)));
        }

        static Matrix<T> Numbers(string characters) => Matrix<T>.Build.Dense(characters.Length, 1, (i, _) => T.CreateChecked(NumberOf(characters[i])));
    }
}
