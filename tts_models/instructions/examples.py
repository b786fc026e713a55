"""English descriptions of ways to speak, with what each asks for: what instructions are compared with by meaning.

Those that ask for nothing are as important: without them, everything would be like something.
"""

from __future__ import annotations

from collections.abc import Mapping

from tts_models.instructions.manner import Effect

EXAMPLES: Mapping[Effect, str] = {
    Effect("happy", 0.7): """
        in a happy, smiling voice
        somebody in a wonderful mood
        greeting a regular customer warmly in your shop
        telling your family that you passed the exam
        a child who opens presents
        on the first sunny day of spring
        whistling while you cook breakfast
        a proud mother at her daughter's graduation
        laughing with old friends over dinner
        a cheerful guide who welcomes the group
        a bride on her wedding day
        everything went right today
        the host of a morning show
        a commercial for ice cream
        playing with a puppy
        a kind aunt who bakes cookies with the kids
        joyful and light-hearted
        glad to see you again
        full of gratitude for a gift
        a baker who loves his work
        skipping down the street
        the sun is out and the birds are singing
        grandma when the family comes to visit
        an invitation to a garden party
        telling a funny joke
        a clown at a birthday party
        a barista who knows your name
        in love for the first time
        the first day of the holidays
        a song from a musical comedy
        welcome aboard, enjoy your flight
        the weather will be lovely all week
        cute and playful
        she said yes
        a hobby gardener who shows her roses
        good news for everybody
    """,
    Effect("excited", 0.8): """
        thrilled, hardly able to sit still
        your favourite band walks on stage
        announcing the winner at the finish line
        counting down to the launch of the rocket
        a sports commentator when the home side takes the title
        running to the tree on Christmas morning
        you got the job of your dreams and tell everyone
        warming up the crowd before the show
        full of energy and drive, let's go
        an explorer who has found the treasure
        the trailer of a blockbuster
        a motivational speaker at the climax of the speech
        the quiz candidate has won a million
        screaming fans, flags and fireworks
        burning with enthusiasm for your idea
        ecstatic, wild with joy
        we have won the cup
        a roller coaster at the top of the first drop
        a teenager on the way to her first concert
        a ringmaster who presents the greatest show on earth
        a boxing announcer
        an aerobics instructor, one more time
        a salesman with an offer you cannot refuse
        a streamer who beats the final boss
        an inventor whose machine works at last
        the crowd goes wild
        a pirate who sights a ship full of gold
        come on everybody, clap your hands
        a revolutionary on the barricade
        tickets for the world tour, front row
        a child in a candy shop
        the last seconds of a close game
        hooray, the baby is born
        racing down the hill on a bike
    """,
    Effect("sad", 0.8): """
        in a broken, tearful voice
        mourning a relative who has died
        saying goodbye for ever at the station
        everything you worked for is gone
        a lonely man on a bench in the rain
        a letter from a soldier who will not come home
        the love of your life has left you
        reading out the names of the dead
        an orphan on a winter night
        your grandmother passed away this morning
        a team that has lost the final
        regretting what cannot be undone
        melancholy, like leaves that fall in autumn
        about to cry
        looking back on the happy days that will not return
        full of grief and sorrow
        heartbroken and alone
        at the bedside of a dying friend
        an actress in the last scene of a tragedy
        a widow in black
        sobbing quietly
        the dog had to be put to sleep
        a refugee who has lost home and family
        he never got to say goodbye
        depressed, nothing makes sense any more
        a poem about a lost love
        sorry for what you have done
        the factory closes and everybody is dismissed
        crying yourself to sleep
        a clown with a broken heart
        the last day before she leaves for ever
        a violin in a minor key
        an unhappy child whom nobody plays with
        disappointed that nobody came
        standing before the ruins of your house
    """,
    Effect("sad", 0.45, speed=0.93, energy=0.8): """
        worn out after a long day
        somebody who has not slept at all
        exhausted at four in the morning
        yawning, half asleep
        bored by the same question for the hundredth time
        a worker who only wants to go home
        no strength left
        lying ill in bed with a fever
        tired and weary
        a commuter on the last train
        after a sleepless night with a newborn
        sleepy, eyes falling shut
        burnt out, running on empty
        a student after an all-nighter
        a waitress at closing time
        sighing at another pile of paper
        somebody who has just run a marathon
        jet-lagged
        an overworked doctor
        lethargic, fed up with everything
    """,
    Effect("angry", 0.8): """
        in a furious, shouting voice
        a father whose new car has been scratched
        somebody who has been cheated out of his money
        a sergeant who yells at recruits
        you have been lied to once too often
        a landlord who throws out a tenant
        boiling with rage
        a driver who swears at another one
        a villain who threatens the hero
        sick and tired of being ignored
        slamming the door behind you
        the teacher has lost her temper with the class
        demanding to speak to the manager about the terrible service
        a couple in the middle of a fight
        this is an outrage and somebody will pay for it
        full of hate and contempt
        an angry mob
        a mother who scolds her son for breaking the window
        get out of my house
        your wife has betrayed you with your brother
        the internet is down again and support hangs up
        a queen who orders an execution
        a bully in the school yard
        a cook who throws pans around
        how dare you
        a football coach at half time, three goals down
        an evil king
        a protester who shouts at the police
        hammering on the table with both fists
        somebody stole your parking space
        aggressive and hostile
        grumpy old man who chases kids off his lawn
        snapping at a colleague who interrupts all the time
        an offended customer
        bitter and resentful
    """,
    Effect("fearful", 0.8): """
        in a trembling, terrified voice
        somebody who is followed down a dark alley
        hiding in a wardrobe from a murderer
        the ground shakes and the walls crack
        footsteps in the empty house
        a witness who is afraid to testify
        a ghost story at midnight
        you fear the worst
        stage fright before the first performance
        calling the police because somebody breaks in
        thin ice that cracks under your feet
        a monster under the bed
        lost in the woods at night
        the engine has failed and we are losing height
        a snake in your sleeping bag
        scared to death
        nervous before an exam
        anxious, biting your nails
        panic on a sinking ship
        trapped in a lift while the smoke comes in
        a victim who begs for mercy
        shivering in the dark cellar
        something is breathing behind the door
        a child who is afraid of thunder
        standing at the edge of a cliff
        a shark circles the boat
        the killer is calling from inside the house
        waiting for the results of the test
        run, it is coming closer
        a fugitive who hears the dogs
        in a haunted castle
        a patient in the dentist's chair
        bombs fall on the city
        paranoid, they are watching us
        the brakes do not work
    """,
    Effect("surprised", 0.8): """
        in an astonished voice, eyes wide open
        the audience when the magician makes an elephant vanish
        you open the box and it is empty
        hearing that your quiet neighbour is a spy
        wow, I never thought that this would work
        what on earth is that?
        an old friend whom you thought dead stands at the door
        you cannot believe your ears
        really? are you serious?
        the bill is ten times what you expected
        a scientist sees a result that ought to be impossible
        caught off guard by the question
        discovering a hidden room in your own flat
        oh! I did not see that coming
        amazed and speechless
        in disbelief
        no way, that cannot be true
        shocked by the news
        you meet your double in the street
        the rabbit comes out of the hat
        a knock at the door, and it is the president
        a parcel from a stranger
        suddenly the statue moves
        your cat starts to speak
        a twist that nobody expected
        unbelievable, look at that
        the lights go on and everybody shouts
        wondering what this strange thing may be
        gasping at the view
        finding a million in the attic
        startled by a sudden noise
        what a coincidence
        puzzled by a riddle
        he is alive after all
    """,
    Effect("calm", 0.8): """
        in a soft, soothing voice
        a yoga teacher at the end of the lesson
        a nurse who comforts a frightened child
        guided meditation, breathe in and out
        waves on a quiet lake at dawn
        a grandfather who reads to the children at bedtime
        a lazy afternoon in a hammock
        a therapist who listens
        late-night radio, jazz and candlelight
        reassure the caller that help is on its way
        a doctor who tells you that all will be well
        snow falls on a silent forest
        a mother strokes her child's hair
        a tea ceremony
        wise and patient
        relaxed and peaceful
        tender and gentle
        a lullaby
        somebody who has all the time in the world
        rain on the roof, and you are warm in bed
        a kind voice that takes away the fear
        a massage with warm oil
        a Buddhist in a garden of stones
        an audio book to fall asleep with
        a midwife during the birth
        serene, in harmony with nature
        sitting by the river and fishing
        soft piano music
        a pilot who explains a little turbulence
        consoling a friend
        a spiritual teacher
        a sailing boat on a windless evening
        everything is fine, do not worry
        a cat that purrs on your lap
        an understanding counsellor
        a glass of wine at sunset
    """,
    Effect("whisper", 1.0): """
        in a whisper
        so quietly that only I can hear it
        confidentially, behind your hand
        do not wake the children
        a thief in a dark house
        gossip in the back row of the theatre
        a wildlife reporter a few steps from a sleeping lion
        close to the microphone, into my ear
        the guards must not hear you
        a prayer under one's breath
        in the cinema during the film
        nobody may overhear us
        hushed, with hardly any voice
        a spy who passes on the code word
        during the sermon in church
        telling your neighbour the answer in an exam
        sharing a confidence
        in the dormitory after lights-out
        in a museum, quietly
        sneaking out of the house at night
        a burglar to his mate
        this must stay between you and me
        the enemy is listening
        softly into the telephone, so that nobody notices
        hunters near a deer
        shh, be quiet
    """,
    Effect("serious", 0.8): """
        in a grave and formal voice
        reading the headlines of the evening news
        a lawyer's closing argument
        a general who briefs the officers
        the narrator of a documentary about the war
        a company's statement after an accident
        a witness under oath
        the terms of a contract
        a headmaster at a disciplinary hearing
        a minister who announces new laws
        an expert at a scientific conference
        this is important, lives depend on it
        a solemn promise
        a butler who announces the guests
        speaking to the parliament
        earnest and dignified
        professional and authoritative
        a bank that informs about its interest rates
        the chief of police at a press conference
        a doctor who has to give a diagnosis
        a warning about a hurricane
        the oath of office
        a history professor
        the voice of God in an old film
        a detective who sums up the case
        an ambassador who reads a declaration
        safety instructions for a nuclear plant
        a memorial speech
        laying down the law
        a board meeting about the annual figures
        an archbishop at the coronation
        a chess master explaining a position
        confident and firm
        stern but fair
        a matter of life and death
    """,
    Effect(intonation=0.35): """
        a machine without emotions
        the voice of a satnav
        the speaking clock
        reading out serial numbers without any expression
        like a computer
        dull and lifeless
        monotonous, always on one note
        an android
        reading a telephone directory
        an automatic announcement
        expressionless and cold
        a text-to-speech engine from the eighties
    """,
    Effect(speed=0.82): """
        take all the time you need
        word by word, as for a foreigner
        dictating to a typist
        as slow as a snail
        let every sentence sink in
        there is no rush
        slow down
        unhurried, with long pauses between the words
        so that a beginner can follow
        like honey dripping from a spoon
        very slowly and clearly for my deaf grandfather
    """,
    Effect(speed=1.22): """
        you only have ten seconds
        we are running late, hurry up
        rattle it off
        the small print at the end of an advertisement
        like a machine gun
        as quickly as possible
        speed it up
        talking at a mile a minute
        in a great hurry to catch a train
        an auctioneer
        without stopping for breath
    """,
    Effect(energy=1.6): """
        make yourself heard over the noise
        calling to somebody across the street
        a market crier
        fill the stadium without a microphone
        turn up the volume
        loud and strong
        shouting over the wind
        as if I were hard of hearing
        through a megaphone
        a drill ground, everybody has to hear it
    """,
    Effect(energy=0.6): """
        barely audible
        in a weak voice
        talking into your collar
        turn the volume down
        soft and faint
        mumbling
        not loud, the neighbours are at home
        with little voice, as with a sore throat
    """,
    Effect(pitch=-3.0): """
        an ogre
        a rumbling bass
        a giant from the mountains
        a huge man with a barrel chest
        a dragon in its cave
        in a deep voice
        a monster with a voice like thunder
        a baritone
        a big old tree that speaks
    """,
    Effect(pitch=3.0): """
        a chipmunk
        a squeaky toy
        a little fairy
        a small girl
        somebody who has inhaled helium
        in a high voice
        a baby
        a mouse
        an elf from a cartoon
    """,
    Effect(pitch=-2.0, speed=0.88): """
        an ancient wizard
        a man of ninety
        an old man with a long white beard
        a very old king
        my great-grandfather
    """,
    Effect(): """
        read the text aloud
        pronounce foreign words as in their own language
        with an Irish accent
        the text is from a manual
        spell out the abbreviations
        in British English
        say the numbers one by one
        this is a test
        the listeners are students
        an ordinary voice, nothing special
        pause between paragraphs
        do not read what is in brackets
        a woman in her forties
        the speaker comes from Texas
        keep the original wording
        the product's name has a silent k
        clear articulation
        speak naturally
        with a stammer
        rolling the r
        with a blocked nose
        through the nose
        a smoker's voice
        with a crackling sound, as from an old record
        a foreigner with a strong accent
        please say this
        make it sound good
        use the French pronunciation for the names
        a Japanese accent
        a speaker of Australian English
        the voice of a young man
        read dates as day, month, year
        a podcast about cooking
        the first line is the title
        an instruction for a washing machine
        follow the punctuation
        no background noise
        like a normal person
        for a video on my channel
        leave out the footnotes
        speak clearly and pronounce every syllable
        emphasise the word in capitals
        a customer from Canada
        a conversation between two people
        the same as before
    """,
}
