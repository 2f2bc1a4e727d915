using FluentAssertions;
using Xunit;
using static Backprop.Onnx.Tests.Wire;

namespace Backprop.Onnx.Tests;

public sealed class ReaderTests
{
    private static readonly byte[] X = Port(11, "x", -1, 2), Y = Port(12, "y", -1, 2), Relu = Node("Relu", "x", "y");

    [Fact]
    public void A_file_of_a_second_hand_is_read()
    {
        var model = Reader.Read(Model(Relu, Tensor(5, "w", 1, [1], 0, 0, 128, 63), X, Y));
        (model.Opset, model.Format, model.Graph.Nodes.Single().Op, model.Graph.Tensors.Single().Bytes.Length).Should().Be((18, 8, "Relu", 4));
        model.Graph.Inputs.Single().Shape.Should().Equal("batch", "2");
    }

    [Fact]
    public void Numbers_are_read_in_every_way_that_protobuf_may_write_them()
    {
        foreach (var shape in new[] { (byte[])[.. Number(1, 2), .. Number(1, 1)], Block(1, Varint(2), Varint(1)) })
        {
            foreach (var values in new[] { Block(4, [0, 0, 128, 63, 0, 0, 0, 64]), (byte[])[.. Varint(4 * 8 + 5), 0, 0, 128, 63, .. Varint(4 * 8 + 5), 0, 0, 0, 64] })
            {
                var tensor = Reader.Read(Model(Relu, Block(5, shape, Number(2, 1), Text(8, "w"), values), X, Y)).Graph.Tensors.Single();
                tensor.Shape.Should().Equal(2, 1);
                FileTests<float>.Values(tensor).Should().Equal(1, 2);
            }
        }

        var integers = Reader.Read(Model(Relu, Block(5, Number(1, 2), Number(2, 7), Text(8, "w"), Block(7, Varint(5), Varint(ulong.MaxValue))), X, Y)).Graph.Tensors.Single();
        integers.Bytes.Should().Equal(5, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255);
    }

    public static TheoryData<string, byte[]> Bad => new()
    {
        { "it has no graph", [] },
        { "it has no graph", [.. Number(1, 8), .. Block(8, Number(2, 18))] },
        { "it has two graphs", [.. Model(Relu, X, Y), .. Block(7, Relu, X, Y)] },
        { "it has the format 0", [.. Block(7, Relu, X, Y), .. Block(8, Number(2, 18))] },
        { "does not say, once, of which version its operators are", [.. Number(1, 8), .. Block(7, Relu, X, Y)] },
        { "does not say, once, of which version its operators are", [.. Model(Relu, X, Y), .. Block(8, Number(2, 18))] },
        { "the model, field 7, goes beyond the end", [.. Number(1, 8), .. Varint(7 * 8 + 2), .. Varint(1_000_000)] },
        { "the model, field 7, goes beyond the end", [.. Number(1, 8), .. Varint(7 * 8 + 2), .. Varint(ulong.MaxValue)] },
        { "the model, field 1, ends in the middle of a number", [8, 128] },
        { "has a number of more than 64 bits", [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2] },
        { "has a number of more than 64 bits", [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1] },
        { "has a field without a number", [0, 0] },
        { "the model, field 1, is of another kind than it must be", Text(1, "8") },
        { "a node, field 1, is of another kind than it must be", Model(Block(1, Number(1, 5)), X, Y) },
        { "the model, field 3, is of another kind than it must be", Number(3, 5) },
        { "is of a kind that ONNX does not have", [(byte)(20 * 8 % 128 + 128 + 3), 1] },
        { "has a text that is no UTF-8", Model(Relu, Block(2, [0xff, 0xfe]), X, Y) },
        { "has a node without an operator", Model(Block(1, Text(1, "x"), Text(2, "y")), X, Y) },
        { "has an attribute without a name", Model(Node("Relu", "x", "y", Block(5, Number(3, 1))), X, Y) },
        { "has two attributes \"a\" in a node", Model(Node("Relu", "x", "y", Block(5, Text(1, "a"), Number(3, 1), Number(20, 2)), Block(5, Text(1, "a"), Number(3, 2), Number(20, 2))), X, Y) },
        { "has an attribute \"a\" without its tensor", Model(Node("Relu", "x", "y", Block(5, Text(1, "a"), Number(20, 4))), X, Y) },
        { "has an attribute \"a\" without its graph", Model(Node("Relu", "x", "y", Block(5, Text(1, "a"), Number(20, 5))), X, Y) },
        { "uses \"z\" in the Relu that gives \"y\" before anything gives it", Model(Node("Relu", "z", "y"), X, Y) },
        { "gives the value \"y\" twice", Model(Relu, Relu, X, Y) },
        { "gives the value \"x\" twice", Model(Node("Relu", "x", "x"), X, Y) },
        { "has an output \"y\" that nothing gives", Model(Node("Relu", "x", "z"), X, Y) },
        { "has a graph without outputs", Model(Relu, X) },
        { "has an input without a name", Model(Relu, Port(11, "", 2), X, Y) },
        { "has two tensors \"w\"", Model(Relu, Tensor(5, "w", 1, [0]), Tensor(5, "w", 1, [0]), X, Y) },
        { "has 4 bytes for the tensor \"w\", which takes 8", Model(Relu, Tensor(5, "w", 1, [2], 0, 0, 0, 0), X, Y) },
        { "has 0 bytes for the tensor \"w\", which takes 8", Model(Relu, Block(5, Number(1, 2), Number(2, 1), Text(8, "w")), X, Y) },
        { "has a tensor \"w\" that is larger than can be", Model(Relu, Tensor(5, "w", 1, [1L << 40]), X, Y) },
        { "has a tensor \"w\" that is larger than can be", Model(Relu, Tensor(5, "w", 1, [1 << 20, 1 << 20]), X, Y) },
        { "has a tensor \"w\" that is larger than can be", Model(Relu, Tensor(5, "w", 1, [-1]), X, Y) },
        { "has a tensor \"w\" with more than 16 axes", Model(Relu, Tensor(5, "w", 1, new long[17]), X, Y) },
        { "a tensor, field 4, has 3 bytes for numbers of 4", Model(Relu, Block(5, Number(1, 1), Number(2, 1), Text(8, "w"), Block(4, [1, 2, 3])), X, Y) },
        { "holds more than 16 graphs within each other", Model(Deep(40), X, Y) },
    };

    public static TheoryData<string, byte[]> NotRead => new()
    {
        { "The operators of this ONNX file are of version 99, but those from 7 to 26 are known here.", [.. Number(1, 8), .. Block(7, Relu, X, Y), .. Block(8, Number(2, 99))] },
        { "The operators of this ONNX file are of version 6, but those from 7 to 26 are known here.", [.. Number(1, 3), .. Block(7, Relu, X, Y), .. Block(8, Number(2, 6))] },
        { "The tensor \"w\" of this ONNX file has its numbers in another file*", Model(Relu, Block(5, Number(1, 2), Number(2, 1), Text(8, "w"), Block(13, Text(1, "location"), Text(2, "/etc/passwd")), Number(14, 1)), X, Y) },
        { "The tensor \"w\" of this ONNX file has its numbers in another file*", Model(Relu, Block(5, Number(1, 2), Number(2, 1), Text(8, "w"), Block(13, Text(1, "location"), Text(2, "model.data"))), X, Y) },
        { "The tensor \"w\" of this ONNX file has numbers of the type 8, which are not read here.", Model(Relu, Tensor(5, "w", 8, [0]), X, Y) },
        { "This ONNX file has sparse tensors, which are not read here.", Model(Relu, Block(15), X, Y) },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_damaged_file_is_refused_with_the_reason(string reason, byte[] file) =>
        ((Action)(() => Reader.Read(file))).Should().Throw<InvalidDataException>().WithMessage($"This is no ONNX file, or a damaged one: *{reason}.");

    [Theory]
    [MemberData(nameof(NotRead))]
    public void A_file_with_what_is_not_read_here_is_refused_with_the_reason(string reason, byte[] file) =>
        ((Action)(() => Reader.Read(file))).Should().Throw<NotSupportedException>().WithMessage(reason);

    /// <summary>A node that runs a graph with a node that runs a graph ...</summary>
    private static byte[] Deep(int levels)
    {
        var node = Relu;
        for (var i = 0; i < levels; i++) node = Node("If", "x", "y", Block(5, Text(1, "body"), Block(6, node), Number(20, 5)));
        return node;
    }
}
